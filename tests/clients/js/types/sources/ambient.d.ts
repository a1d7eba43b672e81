/** What TypeScript's own libraries don't declare: the worklet's global scope, and the optional package `ws`. */

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new (options: any) => AudioWorkletProcessor): void;

declare module "ws" {
  export const WebSocket: import("../../../../../clients/js/steno.js").WebSocketConstructor;
}
