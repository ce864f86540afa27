package main

import (
	"fmt"
	"sync"
	"sync/atomic"
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
