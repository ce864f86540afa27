//! xqueue and xpingpong over iceoryx2 and ipc-channel. One producer, one consumer, two processes.
//!
//!   kit_ipc xq PEER ITEMS [SIZE]     PEER: iceoryx2 (event per message), iceoryx2-poll (consumer spins), ipc-channel
//!   kit_ipc xpp PEER ROUNDS          PEER: iceoryx2-event, iceoryx2 (message + event), iceoryx2-spin, ipc-channel
//!
//! The parent consumes, the child (this program again) produces; messages are as in xq.h.
use iceoryx2::port::backpressure_strategy::BackpressureStrategy;
use iceoryx2::port::{listener::Listener, notifier::Notifier, publisher::Publisher, subscriber::Subscriber};
use iceoryx2::prelude::*;
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type S = iceoryx2::service::ipc::Service;

fn message_size(i: u64, variable: u64) -> usize {
    if variable == 0 {
        return 64;
    }
    (variable / 2 + i.wrapping_mul(2654435761) % (variable / 2)) as usize
}

/// One direction of iceoryx2: a publish-subscribe service of byte slices and an event service of the same name.
struct Out {
    publisher: Publisher<S, [u8], ()>,
    notifier: Notifier<S>,
}
struct In {
    subscriber: Subscriber<S, [u8], ()>,
    listener: Listener<S>,
}
struct Names {
    node: Node<S>,
}
impl Names {
    fn new() -> Names {
        set_log_level(LogLevel::Error);
        Names { node: NodeBuilder::new().create::<S>().unwrap() }
    }
    fn output(&self, name: &str, max: usize) -> Out {
        let name: ServiceName = name.try_into().unwrap();
        let service = self.node.service_builder(&name).publish_subscribe::<[u8]>()
            .enable_safe_overflow(false).subscriber_max_buffer_size(1024).open_or_create().unwrap();
        let publisher = service.publisher_builder().initial_max_slice_len(max)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered).create().unwrap();
        let event = self.node.service_builder(&name).event().open_or_create().unwrap();
        Out { publisher, notifier: event.notifier_builder().create().unwrap() }
    }
    fn input(&self, name: &str) -> In {
        let name: ServiceName = name.try_into().unwrap();
        let service = self.node.service_builder(&name).publish_subscribe::<[u8]>()
            .enable_safe_overflow(false).subscriber_max_buffer_size(1024).open_or_create().unwrap();
        let event = self.node.service_builder(&name).event().open_or_create().unwrap();
        In { subscriber: service.subscriber_builder().buffer_size(1024).create().unwrap(),
             listener: event.listener_builder().create().unwrap() }
    }
}
impl Out {
    fn put(&self, m: &[u8], notify: bool) {
        let sample = self.publisher.loan_slice_uninit(m.len()).unwrap();
        sample.write_from_slice(m).send().unwrap();
        if notify {
            self.notifier.notify().unwrap();
        }
    }
}

struct Check { items: u64, variable: u64, count: u64, sum: u64, bytes: u64, touched: u64, gap: Option<(u64, u64)> }
impl Check {
    fn take(&mut self, m: &[u8]) {
        let i = u64::from_ne_bytes(m[..8].try_into().unwrap());
        assert!(m.len() == message_size(i, self.variable) && m[m.len() - 1] == i as u8, "message {i} is wrong");
        if self.variable != 0 {
            for word in m[8..].chunks(64).filter(|c| c.len() >= 8) {
                self.touched = self.touched.wrapping_add(u64::from_ne_bytes(word[..8].try_into().unwrap()));
            }
        }
        if i != self.count + 1 && self.gap.is_none() {
            self.gap = Some((self.count + 1, i));    // expected, found
        }
        self.count += 1;
        self.sum += i;
        self.bytes += m.len() as u64;
    }
    fn done(&self) -> bool {
        self.count >= self.items
    }
    fn report(&self, start: Instant) {
        let seconds = start.elapsed().as_secs_f64();
        assert!(self.count == self.items && self.sum == self.items * (self.items + 1) / 2, "wrong count or sum");
        std::hint::black_box(self.touched);
        if self.variable != 0 {
            println!("{:.3} GB/s", self.bytes as f64 / seconds / 1e9);
        } else {
            println!("{:.4} M/s", self.items as f64 / seconds / 1e6);
        }
    }
}

fn start_child(args: &[String]) -> Child {
    let mut child = Command::new("/proc/self/exe").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}
fn go(child: &mut Child) -> Instant {
    let start = Instant::now();
    child.stdin.as_mut().unwrap().write_all(b"g").unwrap();
    start
}
fn end(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
fn wait_for_go() {
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    println!("ready");
    std::io::stdin().read_exact(&mut [0u8]).unwrap();
}
fn wait_for_end() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
fn cpu_ns() -> u64 {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN].iter().map(|who| unsafe {
        let mut u: libc::rusage = std::mem::zeroed();
        libc::getrusage(*who, &mut u);
        ((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1_000_000_000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000) as u64
    }).sum()
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let child_name = args.iter().position(|a| a == "--child").map(|at| { let n = args[at + 1].clone(); args.truncate(at); n });
    let (what, peer) = (args[0].as_str(), args[1].as_str());
    let n: u64 = args[2].parse().unwrap();
    let variable: u64 = args.get(3).map_or(0, |s| s.parse().unwrap());
    let name = child_name.clone().unwrap_or(format!("kit-{}", std::process::id()));
    let mut child_args = args.clone();
    child_args.extend(["--child".to_string(), name.clone()]);
    let is_child = child_name.is_some();
    match (what, peer) {
        ("xq", "iceoryx2" | "iceoryx2-poll") => {
            let names = Names::new();
            let blocking = peer == "iceoryx2";
            if is_child {
                let out = names.output(&name, variable.max(64) as usize);
                wait_for_go();
                produce(n, variable, |m| out.put(m, blocking));
                wait_for_end();
                return;
            }
            let input = names.input(&name);
            let mut child = start_child(&child_args);
            let mut check = Check { items: n, variable, count: 0, sum: 0, bytes: 0, touched: 0, gap: None };
            // Connects. Without it the publisher drops what does not fit, in spite of RetryUntilDelivered.
            assert!(input.subscriber.receive().unwrap().is_none());
            let mut silence = Instant::now();
            let start = go(&mut child);
            while !check.done() {
                match input.subscriber.receive().unwrap() {
                    Some(sample) => {
                        check.take(&sample);
                        silence = start;
                    }
                    None if blocking => {
                        if silence == start {
                            silence = Instant::now();
                        }
                        input.listener.timed_wait(|_| {}, Duration::from_millis(100)).unwrap();
                        assert!(silence.elapsed() < Duration::from_secs(2), "{} of {n} messages, then none for 2 s; first out of order: {:?}",
                                check.count, check.gap);
                    }
                    None => std::hint::spin_loop(),
                }
            }
            check.report(start);
            end(child);
        }
        ("xq", "ipc-channel") => {
            if is_child {
                let (sender, receiver) = ipc::bytes_channel().unwrap();
                IpcSender::<IpcBytesReceiver>::connect(name).unwrap().send(receiver).unwrap();
                wait_for_go();
                produce(n, variable, |m| sender.send(m).unwrap());
                wait_for_end();
                return;
            }
            let (server, server_name) = IpcOneShotServer::<IpcBytesReceiver>::new().unwrap();
            *child_args.last_mut().unwrap() = server_name;
            let mut child = start_child(&child_args);
            let (_, receiver) = server.accept().unwrap();
            let mut check = Check { items: n, variable, count: 0, sum: 0, bytes: 0, touched: 0, gap: None };
            let start = go(&mut child);
            while !check.done() {
                check.take(&receiver.recv().unwrap());
            }
            check.report(start);
            end(child);
        }
        ("xpp", "iceoryx2-event" | "iceoryx2" | "iceoryx2-spin") => {
            let names = Names::new();
            let (mine, yours) = if is_child { ("b", "a") } else { ("a", "b") };
            let input = names.input(&format!("{name}{mine}"));
            let mut child = if is_child { None } else { Some(start_child(&child_args)) };
            let out = names.output(&format!("{name}{yours}"), 8);
            if is_child {
                wait_for_go();
            }
            let get = |i: u64| match peer {
                "iceoryx2-event" => { input.listener.blocking_wait(|_| {}).unwrap(); }
                _ => loop {
                    if let Some(sample) = input.subscriber.receive().unwrap() {
                        assert!(u64::from_ne_bytes(sample[..8].try_into().unwrap()) == i);
                        break;
                    }
                    if peer == "iceoryx2" {
                        input.listener.blocking_wait(|_| {}).unwrap();
                    } else {
                        std::hint::spin_loop();
                    }
                },
            };
            let put = |i: u64| match peer {
                "iceoryx2-event" => { out.notifier.notify().unwrap(); }
                _ => out.put(&i.to_ne_bytes(), peer == "iceoryx2"),
            };
            if is_child {
                // The parent's first message waits until this side listens: the go byte says that both do.
                for i in 0..n {
                    get(i);
                    put(i);
                }
                wait_for_end();
                return;
            }
            let mut child = child.take().unwrap();
            std::thread::sleep(Duration::from_millis(20));
            go(&mut child);
            std::thread::sleep(Duration::from_millis(20));
            let (start, cpu) = (Instant::now(), cpu_ns());
            for i in 0..n {
                put(i);
                get(i);
            }
            let wall = start.elapsed().as_nanos() as f64;
            end(child);
            println!("{:.0} ns cpu={:.0}", wall / n as f64, (cpu_ns() - cpu) as f64 / n as f64);
        }
        ("xpp", "ipc-channel") => {
            if is_child {
                let (sender, parent_receiver) = ipc::bytes_channel().unwrap();
                let (parent_sender, receiver) = ipc::bytes_channel().unwrap();
                IpcSender::connect(name).unwrap().send((parent_sender, parent_receiver)).unwrap();
                wait_for_go();
                for _ in 0..n {
                    sender.send(&receiver.recv().unwrap()).unwrap();
                }
                wait_for_end();
                return;
            }
            let (server, server_name) = IpcOneShotServer::<(IpcBytesSender, IpcBytesReceiver)>::new().unwrap();
            *child_args.last_mut().unwrap() = server_name;
            let mut child = start_child(&child_args);
            let (_, (sender, receiver)) = server.accept().unwrap();
            go(&mut child);
            let (start, cpu) = (Instant::now(), cpu_ns());
            for i in 0..n {
                sender.send(&i.to_ne_bytes()).unwrap();
                assert!(receiver.recv().unwrap() == i.to_ne_bytes());
            }
            let wall = start.elapsed().as_nanos() as f64;
            end(child);
            println!("{:.0} ns cpu={:.0}", wall / n as f64, (cpu_ns() - cpu) as f64 / n as f64);
        }
        _ => panic!("no such item or peer"),
    }
}

fn produce(items: u64, variable: u64, mut put: impl FnMut(&[u8])) {
    let mut message = vec![7u8; variable.max(64) as usize];
    for i in 1..=items {
        let size = message_size(i, variable);
        message[..8].copy_from_slice(&i.to_ne_bytes());
        message[size - 1] = i as u8;
        put(&message[..size]);
        message[size - 1] = 7;
    }
}
