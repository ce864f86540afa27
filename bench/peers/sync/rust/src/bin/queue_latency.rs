//! queue-latency: PEER ITEMS PERIOD_NS busy|idle free|2core   ns from put to got, one item per period to one blocked consumer.
//! busy: the producer computes between two items; idle: it sleeps.
use sync_peers::queues::*;
use sync_peers::*;

struct Latency {
    items: usize,
    period: i64,
    busy: bool,
    pinned: bool,
}

impl Job for Latency {
    fn run<P: Put, G: Get>(self, put: P, get: G) {
        let items = self.items;
        let consumer = std::thread::spawn(move || {
            if self.pinned {
                pin(1);
            }
            (0..items)
                .map(|_| {
                    let sent = get.get() as i64;
                    now_ns() - sent
                })
                .collect::<Vec<i64>>()
        });
        if self.pinned {
            pin(0);
        }
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
        sleep_s(0.005);
        let start = Usage::now();
        let mut next = now_ns();
        for _ in 0..items {
            next += self.period;
            if self.busy {
                while now_ns() < next {}
            } else {
                let t = libc::timespec { tv_sec: next / 1_000_000_000, tv_nsec: next % 1_000_000_000 };
                let (how, rest) = (libc::TIMER_ABSTIME, std::ptr::null_mut());
                while unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, how, &t, rest) } != 0 {}
            }
            put.put(now_ns() as u64);
        }
        let mut delay = consumer.join().unwrap();
        let used = start.since();
        delay.sort();
        assert!(delay[0] > 0, "an item came before it was sent");
        println!(
            "{} ns p99={} used_cpus={:.2} period_us={:.1}",
            delay[items / 2],
            delay[items * 99 / 100],
            used.cores(),
            used.wall as f64 / 1e3 / items as f64
        );
    }
}

fn main() {
    let a = args();
    with_queue(
        &a[0],
        Latency {
            items: a[1].parse().unwrap(),
            period: a[2].parse().unwrap(),
            busy: a[3] == "busy",
            pinned: a[4] == "2core",
        },
    );
}
