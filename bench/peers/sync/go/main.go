// Go's side of the kit: ITEM PEER ARGUMENTS...; one file per item.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

var start = time.Now()

func nowNs() int64 { return int64(time.Since(start)) }

type usage struct {
	wall, cpu, switches int64
}

func usageNow() usage {
	var r syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil, "getrusage")
	return usage{nowNs(), r.Utime.Nano() + r.Stime.Nano(), r.Nvcsw + r.Nivcsw}
}

func (u usage) since() usage {
	e := usageNow()
	return usage{e.wall - u.wall, e.cpu - u.cpu, e.switches - u.switches}
}

func (u usage) cores() float64 { return float64(u.cpu) / float64(u.wall) }

// work is a chain of dependent multiplies, the same in every language of this kit.
//
//go:noinline
func work(x uint64, steps int) uint64 {
	for ; steps > 0; steps-- {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

var sink uint64

// stepsFor gives the steps of work that take the given time; the best of many tries.
func stepsFor(ns float64) int {
	best := 1e9
	for i := 0; i < 40; i++ {
		t := nowNs()
		sink = work(sink, 20000)
		best = min(best, float64(nowNs()-t)/20000)
	}
	return int(max(ns, 0)/best + 0.5)
}

func clockCostNs() float64 {
	best := 1e9
	for i := 0; i < 40; i++ {
		t := nowNs()
		for k := 0; k < 200; k++ {
			sink += uint64(nowNs())
		}
		best = min(best, float64(nowNs()-t)/201)
	}
	return best
}

// core is where a pinned run puts one of its two sides; -1 leaves it free.
func core(pinned bool, n int) int {
	if pinned {
		return n
	}
	return -1
}

func sleepS(s float64) { time.Sleep(time.Duration(s * 1e9)) }

// onThread runs f as a goroutine; locked: on an operating system thread of its own, pinned to cpu if that is >= 0.
func onThread(locked bool, cpu int, f func()) {
	go func() {
		if locked {
			runtime.LockOSThread()
		}
		if cpu >= 0 {
			pin(cpu)
		}
		f()
	}()
}

func pin(cpu int) {
	set := [16]uint64{1 << cpu}
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	check(e == 0, "cannot pin")
}

func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err == nil, "not a number: "+s)
	return n
}

func seconds(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	check(err == nil, "not a number: "+s)
	return f
}

func sorted(v []int64) []int64 {
	sort.Slice(v, func(i, k int) bool { return v[i] < v[k] })
	return v
}

func main() {
	a := os.Args[2:]
	switch os.Args[1] {
	case "lock_uncontended":
		lockUncontended(a[0], number(a[1]), a[2] == "1")
	case "lock_contended":
		lockContended(a[0], number(a[1]), seconds(a[2]))
	case "pingpong":
		pingpong(a[0], a[1] == "2core", seconds(a[2]))
	case "fanout":
		fanout(a[0], number(a[1]), number(a[2]))
	case "rwlock":
		rwlock(a[0], number(a[1]), uint64(number(a[2])), seconds(a[3]))
	case "queue":
		queue(a[0], number(a[1]), number(a[2]), seconds(a[3]), a[4] == "2core")
	case "queue_latency":
		queueLatency(a[0], number(a[1]), int64(number(a[2])), a[3] == "busy", a[4] == "2core")
	case "pqueue":
		pqueue(a[0], number(a[1]), number(a[2]), number(a[3]))
	default:
		check(false, "unknown item")
	}
}
