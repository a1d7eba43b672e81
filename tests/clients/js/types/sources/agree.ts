/**
 * What the modules export is what their declarations promise: a name that is missing or of another type is an error.
 */

import { captions } from "../../../../../clients/js/captions.js";
import { AudioError, microphone, sharedAudio } from "../../../../../clients/js/devices.js";
import * as errors from "../../../../../clients/js/errors.js";
import { connect } from "../../../../../clients/js/session.js";
import { watch } from "../../../../../clients/js/watch.js";

type Declared<Module> = { [Name in keyof Module]: Module[Name] };

export const steno: Declared<typeof import("../../../../../clients/js/steno.js")> = { ...errors, connect, watch };
export const devices: Pick<
  typeof import("../../../../../clients/js/capture.js"),
  "AudioError" | "microphone" | "sharedAudio"
> = { AudioError, microphone, sharedAudio };
export const subtitles: Pick<typeof import("../../../../../clients/js/subtitles.js"), "captions"> = { captions };
