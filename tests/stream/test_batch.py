"""stream/batch.py"""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Kind, Need
from stream.batch import Job, choose


def job(id, kind=Kind.PARTIAL, key="k", since=0.0, **fields):
    return Job(id, Need(kind, key), since, finishing=fields.pop("finishing", kind is Kind.FINAL), **fields)


def upto(rows):
    return lambda job: rows


def test_nothing_to_do():
    assert choose([], 0.0, upto(8)) == []


def test_finishing_goes_first_then_the_earliest_deadline():
    jobs = [
        job(1, Kind.PARTIAL, since=0.0),
        job(2, Kind.FIRST, since=0.3),
        job(3, Kind.FINAL, since=5.0),
        job(4, Kind.RETRY, since=4.0, finishing=True),
    ]
    assert choose(jobs, 5.0, upto(8)) == [4, 3, 2, 1]
    assert choose(jobs, 5.0, upto(2)) == [4, 3]


def test_only_equal_keys_share_a_step():
    jobs = [job(1, key="a"), job(2, key="b"), job(3, key="a"), job(4, Kind.FINAL, key="b")]
    assert choose(jobs, 0.0, upto(8)) == [4, 2]


def test_one_that_must_be_alone_is():
    jobs = [job(1, solo=True), job(2), job(3, since=0.1)]
    assert choose(jobs, 1.0, upto(8)) == [1]
    assert choose([*jobs, job(4, Kind.FINAL)], 1.0, upto(8)) == [4, 2, 3]


def test_live_goes_before_file_but_not_for_ever():
    file = job(1, Kind.FINAL, since=0.0, live=False)
    assert choose([file, job(2, key="other", since=0.9)], 1.0, upto(1)) == [2]
    assert choose([file, job(2, key="other", since=9.9)], 10.0, upto(1)) == [1]


def test_files_get_a_step_now_and_then_however_many_of_them_wait():
    files = [job(i, Kind.FINAL, since=0.0, live=False) for i in range(1, 31)]
    live = job(99, Kind.FINAL, since=99.9)
    assert choose([*files, live], 100.0, upto(2), filed=98.0) == [99]
    assert choose([*files, live], 100.0, upto(2), filed=97.0) == [1, 2]
    assert choose(files, 100.0, upto(2), filed=99.9) == [1, 2]


def test_a_live_step_is_not_made_longer_by_files():
    jobs = [job(1, Kind.FINAL, since=0.0, live=False), job(2, Kind.FINAL, since=1.0), job(3, since=1.0)]
    assert choose(jobs, 1.0, upto(8)) == [2, 3]
    assert choose(jobs, 9.0, upto(8)) == [1]


def test_files_are_not_begun_where_a_live_final_is_near_but_not_held_up_for_ever():
    file = job(1, Kind.FINAL, since=0.0, live=False)
    assert choose([file], 9.0, upto(8), filed=8.0, near=True) == []
    assert choose([file], 9.0, upto(8), filed=8.0) == [1]
    assert choose([file], 9.0, upto(8), filed=4.0, near=True) == [1]
    assert choose([file, job(2)], 9.0, upto(8), filed=8.0, near=True) == [2]


def test_who_is_early_only_joins():
    assert choose([job(1, early=True), job(2, early=True)], 0.0, upto(8)) == []
    jobs = [job(1, early=True), job(2, since=9.0), job(3, early=True, key="other")]
    assert choose(jobs, 9.0, upto(8)) == [2, 1]
    assert choose(jobs, 9.0, upto(1)) == [2]


def test_each_key_has_room_of_its_own():
    jobs = [job(i) for i in range(4)] + [job(i, Kind.FINAL, key="long") for i in range(4, 8)]
    rooms = {"k": 3, "long": 2}
    assert choose(jobs, 0.0, lambda job: rooms[job.need.key]) == [4, 5]
    assert choose(jobs[:4], 0.0, lambda job: rooms[job.need.key]) == [0, 1, 2]


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=12),
    st.integers(1, 5),
)
def test_a_batch_is_never_wrong(drawn, max_batch):
    jobs = {i: job(i, kind, key, live=live, solo=solo) for i, (kind, key, live, solo) in enumerate(drawn)}
    chosen = choose(list(jobs.values()), 0.0, upto(max_batch))
    assert bool(chosen) == bool(jobs)
    assert len(chosen) <= max_batch
    assert len(set(chosen)) == len(chosen)
    assert len({jobs[id].need.key for id in chosen}) <= 1
    assert len(chosen) == 1 or not any(jobs[id].solo for id in chosen)


def simulate(utterances, *, step_s, max_batch, seconds):
    """Utterances that always want a partial, and a final every 2 s (files: 10 s): when each was stepped for which."""
    period = {True: 2, False: 10}
    stepped = {(id, kind): [0.0] for id in range(len(utterances)) for kind in (Kind.PARTIAL, Kind.FINAL)}
    since = dict.fromkeys(stepped, 0.0)
    now = filed = 0.0
    while now < seconds:
        jobs = []
        for id, (key, live) in enumerate(utterances):
            finishing = now - stepped[id, Kind.FINAL][-1] > period[live]
            kind = Kind.FINAL if finishing else Kind.PARTIAL
            jobs.append(job(id, kind, key, since=since[id, kind], live=live))
        chosen = choose(jobs, now, upto(max_batch), filed)
        filed = filed if utterances[chosen[0]][1] else now
        now += step_s
        for id in chosen:
            kind = jobs[id].need.kind
            stepped[id, kind].append(now)
            since[id, Kind.PARTIAL] = now
            since[id, Kind.FINAL] = stepped[id, Kind.FINAL][-1] + period[utterances[id][1]]
    return stepped


def longest_wait(times):
    return max(later - earlier for earlier, later in pairwise(times))


def test_nobody_starves_under_load():
    utterances = [("a", True)] * 6 + [("b", True)] * 3 + [("c", False)] * 3
    stepped = simulate(utterances, step_s=0.1, max_batch=4, seconds=120)
    for (id, kind), times in stepped.items():
        assert longest_wait([*times, 120]) < (15 if kind is Kind.FINAL else 8), (id, kind)


def test_finals_hardly_wait_for_partials():
    utterances = [(str(i), True) for i in range(8)]
    stepped = simulate(utterances, step_s=0.1, max_batch=1, seconds=60)
    for id in range(8):
        # 2 s until it is due, then at worst the step that runs, seven other finals and its own.
        assert longest_wait(stepped[id, Kind.FINAL]) < 2 + 9 * 0.1 + 0.01
