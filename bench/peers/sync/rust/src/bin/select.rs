//! select: crossbeam QUEUES TIMES   wall ns per item: one thread puts numbers into queues of capacity 1 in a random order, another one
//! selects among all of them.
use crossbeam_channel::{bounded, Receiver, Select, Sender};
use sync_peers::now_ns;

fn main() {
    let a: Vec<String> = std::env::args().collect();
    assert_eq!(a[1], "crossbeam");
    let (queues, times): (usize, u64) = (a[2].parse().unwrap(), a[3].parse().unwrap());
    let (puts, gets): (Vec<Sender<u64>>, Vec<Receiver<u64>>) = (0..queues).map(|_| bounded(1)).unzip();
    let start = now_ns();
    let getter = std::thread::spawn(move || {
        let mut select = Select::new();
        for r in &gets {
            select.recv(r);
        }
        let mut sum = 0;
        for _ in 0..times {
            let one = select.select();
            let i = one.index();
            sum += one.recv(&gets[i]).unwrap();
        }
        sum
    });
    let mut s = 42u64;
    let putter = std::thread::spawn(move || {
        for i in 1..=times {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            puts[(s % queues as u64) as usize].send(i).unwrap();
        }
        puts // the getter must not see them closed before it has all
    });
    assert_eq!(getter.join().unwrap(), times * (times + 1) / 2);
    drop(putter.join().unwrap());
    println!("{:.6} ns", (now_ns() - start) as f64 / times as f64);
}
