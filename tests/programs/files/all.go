// SPDX-License-Identifier: MIT

// Goroutines, channels, timers, signals, children, files, unix sockets, garbage.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func goroutines() {
	var wg sync.WaitGroup
	var n int64
	c := make(chan int, 16)
	for i := 0; i < 1000; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			atomic.AddInt64(&n, int64(i))
			c <- i
		}(i)
	}
	go func() { wg.Wait(); close(c) }()
	sum := 0
	for v := range c {
		sum += v
	}
	fmt.Println("goroutines", n, sum)
	// A loop without calls must be preempted by a signal.
	stop := int32(0)
	go func() {
		for atomic.LoadInt32(&stop) == 0 {
		}
	}()
	runtime.GC()
	atomic.StoreInt32(&stop, 1)
}

func garbage() {
	m := map[int][]byte{}
	for i := 0; i < 200000; i++ {
		m[i%1000] = make([]byte, i%4096)
	}
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	fmt.Println("garbage", len(m), s.NumGC > 0, s.Mallocs > 100000)
}

func timers() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	t := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 5; i++ {
		<-t.C
	}
	fmt.Println("timers", errors.Is(ctx.Err(), context.DeadlineExceeded))
	select {
	case <-time.After(5 * time.Millisecond):
		fmt.Println("after")
	}
}

func signals() {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGHUP)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-c)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	fmt.Println("signal", <-c)
	defer func() { fmt.Println("recovered", recover() != nil) }()
	var p *int
	*p = 1
}

func children() {
	out, err := exec.Command("sh", "-c", "echo $((6*7)); exit 3").Output()
	var e *exec.ExitError
	fmt.Println("child", strings.TrimSpace(string(out)), errors.As(err, &e) && e.ExitCode() == 3)
	var wg sync.WaitGroup
	var ok int32
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := exec.Command("cat")
			c.Stdin = strings.NewReader(strings.Repeat("x", 100000))
			if b, err := c.Output(); err == nil && len(b) == 100000 {
				atomic.AddInt32(&ok, 1)
			}
		}()
	}
	wg.Wait()
	fmt.Println("children", ok)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(ctx, "sleep", "100").Run())
}

func sockets() {
	d, _ := os.MkdirTemp("/tmp", "go")
	defer os.RemoveAll(d)
	l, err := net.Listen("unix", filepath.Join(d, "s"))
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	var wg sync.WaitGroup
	lines := make([]string, 50)
	for i := range lines {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			c, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				return
			}
			defer c.Close()
			fmt.Fprintf(c, "line %d\n", i)
			lines[i], _ = bufio.NewReader(c).ReadString('\n')
		}(i)
	}
	wg.Wait()
	sort.Strings(lines)
	fmt.Printf("sockets %x\n", sha256.Sum256([]byte(strings.Join(lines, ""))))
}

func files() {
	d, _ := os.MkdirTemp(".", "go")
	defer os.RemoveAll(d)
	for i := 0; i < 100; i++ {
		os.WriteFile(filepath.Join(d, fmt.Sprint(i)), make([]byte, i), 0600)
	}
	total := int64(0)
	filepath.Walk(d, func(p string, i os.FileInfo, e error) error {
		if !i.IsDir() {
			total += i.Size()
		}
		return nil
	})
	_, err := os.Stat(d + "/none")
	fmt.Println("files", total, errors.Is(err, os.ErrNotExist))
}

func main() {
	for _, f := range []func(){goroutines, garbage, timers, signals, children, sockets, files} {
		f()
	}
}
