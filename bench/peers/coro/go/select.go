package main

import (
	"reflect"
	"time"
)

// chooser gets from any of the channels, by the statement where there is one of that many cases.
func chooser(c []chan int) func() int {
	switch len(c) {
	case 2:
		return func() int {
			select {
			case v := <-c[0]:
				return v
			case v := <-c[1]:
				return v
			}
		}
	case 16:
		return func() int {
			select {
			case v := <-c[0]:
				return v
			case v := <-c[1]:
				return v
			case v := <-c[2]:
				return v
			case v := <-c[3]:
				return v
			case v := <-c[4]:
				return v
			case v := <-c[5]:
				return v
			case v := <-c[6]:
				return v
			case v := <-c[7]:
				return v
			case v := <-c[8]:
				return v
			case v := <-c[9]:
				return v
			case v := <-c[10]:
				return v
			case v := <-c[11]:
				return v
			case v := <-c[12]:
				return v
			case v := <-c[13]:
				return v
			case v := <-c[14]:
				return v
			case v := <-c[15]:
				return v
			}
		}
	}
	cases := make([]reflect.SelectCase, len(c))
	for i := range c {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c[i])}
	}
	return func() int {
		_, v, _ := reflect.Select(cases)
		return int(v.Int())
	}
}

// select: one goroutine sends to channels of capacity 1 in a random order, another one selects among all of them; ns per item.
func itemSelect(channels, n int) {
	c := make([]chan int, channels)
	for i := range c {
		c[i] = make(chan int, 1)
	}
	choose := chooser(c)
	done := make(chan int)
	t := time.Now()
	go func() {
		sum := 0
		for i := 0; i < n; i++ {
			sum += choose()
		}
		done <- sum
	}()
	go func() {
		s := uint64(42)
		for i := 1; i <= n; i++ {
			c[rnd(&s)%uint64(channels)] <- i
		}
	}()
	sum := <-done
	need(sum == n*(n+1)/2, "sum is wrong")
	out(ns(t, n), "ns")
}
