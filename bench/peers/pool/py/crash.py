"""crash.py PEER ITEM - what bench/plait/crash.c does, through Python's pools; a job that is never answered counts as failed after 4 s."""
import os
import signal
import sys
import threading
import time

JOBS, NAP, PATIENCE = 100, 0.01, 4


def slow(_):
    began = time.monotonic()
    time.sleep(NAP)
    return os.getpid(), began


class Pool:
    def __init__(self, name):
        self.name = name
        if name == "mp-pool":
            import multiprocessing
            self.pool = multiprocessing.Pool(2)
        else:
            from concurrent.futures import ProcessPoolExecutor
            self.pool = ProcessPoolExecutor(2)

    def submit(self, x):
        try:
            return self.pool.apply_async(slow, (x,)).get if self.name == "mp-pool" else self.pool.submit(slow, x).result
        except Exception as why:                # a pool that broke refuses
            def refused(_=None, why=why):
                raise why
            return refused

    def map(self, xs):
        return list(self.pool.map(slow, xs))


def answers(gets):
    """What came back in time; None for what did not."""
    end, got = time.monotonic() + PATIENCE, []
    for get in gets:
        try:
            got.append(get(max(0.001, end - time.monotonic())))
        except Exception:
            got.append(None)
    return got


def show(failed, ms, what):
    print(f"{failed} jobs failed\n{ms:.4g} ms {what}", flush=True)


def main():
    pool, item = Pool(sys.argv[1]), sys.argv[2]
    known = [pid for pid, _ in answers([pool.submit(i) for i in range(8)])]
    if item == "jobs":
        gets = [pool.submit(i) for i in range(JOBS)]
        time.sleep(0.2)
        os.kill(known[0], signal.SIGKILL)
        killed = time.monotonic()
        got = answers(gets)
        new = [began for one in got if one for pid, began in [one] if pid not in known]
        show(got.count(None), (min(new) - killed) * 1e3 if new else PATIENCE * 1e3, "healed")
    elif item == "map":
        result = []
        mapper = threading.Thread(target=lambda: result.append(pool.map(range(JOBS))), daemon=True)
        threading.excepthook = lambda _: None
        mapper.start()
        time.sleep(0.2)
        os.kill(known[0], signal.SIGKILL)
        killed = time.monotonic()
        mapper.join(PATIENCE)
        show(0 if result else JOBS, (time.monotonic() - killed) * 1e3, "ended")
    else:
        time.sleep(0.3)
        os.kill(known[0], signal.SIGKILL)
        time.sleep(0.5)
        began = time.monotonic()
        got = answers([pool.submit(i) for i in range(10)])
        show(got.count(None), (time.monotonic() - began) * 1e3, "ended")
    for pid in set(known):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os._exit(0)


main()
