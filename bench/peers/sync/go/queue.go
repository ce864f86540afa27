package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const capacity = 1024

// queue-PxC: PEER PRODUCERS CONSUMERS SECONDS free|2core   M items/s through one channel of 1024 8-byte items.
// Producers put 1, 2, 3 ... until the time is over; it ends when the last item has been taken.
// go-chan: goroutines; go-chan-osthread: each on a thread of its own (only these can be pinned: 2core).
func queue(peer string, producers, consumers int, secs float64, pinned bool) {
	check(peer == "go-chan" || peer == "go-chan-osthread", "unknown peer")
	locked := peer == "go-chan-osthread"
	ch := make(chan uint64, capacity)
	var stop atomic.Bool
	made, sum := make([]uint64, producers), make([]uint64, consumers)
	var ready, putting, getting sync.WaitGroup
	begin := make(chan bool)
	ready.Add(producers + consumers)
	putting.Add(producers)
	getting.Add(consumers)
	for p := range made {
		onThread(locked, core(pinned, 0), func() {
			n := uint64(0)
			ready.Done()
			<-begin
			for !stop.Load() {
				n++
				ch <- n
			}
			made[p] = n
			putting.Done()
		})
	}
	for c := range sum {
		onThread(locked, core(pinned, 1), func() {
			s := uint64(0)
			ready.Done()
			<-begin
			for v := range ch {
				s += v
			}
			sum[c] = s
			getting.Done()
		})
	}
	ready.Wait()
	close(begin)
	from := usageNow()
	sleepS(secs)
	stop.Store(true)
	putting.Wait()
	close(ch)
	getting.Wait()
	used := from.since()

	items, expected, total := uint64(0), uint64(0), uint64(0)
	for _, n := range made {
		items, expected = items+n, expected+n*(n+1)/2
	}
	for _, s := range sum {
		total += s
	}
	check(total == expected, "items were lost or changed")
	fmt.Printf("%.3f M/s cpu=%.2f switches_per_1000=%.2f\n", float64(items)/float64(used.wall)*1e3, used.cores(),
		float64(used.switches)*1e3/float64(items))
}

// queue-latency: PEER ITEMS PERIOD_NS busy|idle free|2core   ns from put to got, one item per period to one blocked consumer.
// busy: the producer computes between two items; idle: its thread sleeps in the kernel (time.Sleep is too coarse).
func queueLatency(peer string, items int, period int64, busy, pinned bool) {
	check(peer == "go-chan" || peer == "go-chan-osthread", "unknown peer")
	locked := peer == "go-chan-osthread"
	ch, over := make(chan int64, capacity), make(chan bool)
	delay := make([]int64, items)
	onThread(locked, core(pinned, 1), func() {
		for i := range delay {
			sent := <-ch
			delay[i] = nowNs() - sent
		}
		close(over)
	})
	sleepS(0.005)
	from := usageNow()
	produced := make(chan bool)
	onThread(locked || !busy, core(pinned, 0), func() {
		syscall.RawSyscall(syscall.SYS_PRCTL, 29 /* PR_SET_TIMERSLACK */, 1, 0)
		next := nowNs()
		for i := 0; i < items; i++ {
			next += period
			if busy {
				for nowNs() < next {
				}
			} else if left := next - nowNs(); left > 0 {
				t := syscall.NsecToTimespec(left)
				syscall.Syscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
			}
			ch <- nowNs()
		}
		close(produced)
	})
	<-produced
	<-over
	used := from.since()
	sorted(delay)
	check(delay[0] > 0, "an item came before it was sent")
	fmt.Printf("%d ns p99=%d used_cpus=%.2f period_us=%.1f\n", delay[items/2], delay[items*99/100], used.cores(),
		float64(used.wall)/1e3/float64(items))
}
