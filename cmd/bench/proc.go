package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of processor time in /proc, USER_HZ, on every Linux that Go
// runs on.
const tick = 10 * time.Millisecond

// procStat is /proc/PID/stat from the field after the name on; nil where that
// process has gone.
func procStat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return nil
	}
	return fields
}

// parentOf is the process that started pid; 0 where that is not known.
func parentOf(pid int) int {
	if f := procStat(pid); f != nil {
		n, _ := strconv.Atoi(f[1]) // the kernel wrote it
		return n
	}
	return 0
}

// processorTime is what pid, the processes it started and those of both that have
// ended have used; 0 for pid 0.
func processorTime(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	family := []int{pid}
	if entries, err := os.ReadDir("/proc"); err == nil {
		for _, e := range entries {
			if child, err := strconv.Atoi(e.Name()); err == nil && parentOf(child) == pid {
				family = append(family, child)
			}
		}
	}
	var ticks time.Duration
	for _, p := range family {
		if f := procStat(p); f != nil {
			for _, field := range f[11:15] { // utime stime cutime cstime
				n, _ := strconv.ParseInt(field, 10, 64)
				ticks += time.Duration(n)
			}
		}
	}
	return ticks * tick
}

// memory is the resident memory of pid in MiB, now (VmRSS) or at its most (VmHWM).
func memory(pid int, key string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
			return kib / 1024
		}
	}
	return 0
}

// ownTime is the processor time of this process or, of RUSAGE_CHILDREN, of those
// it has started and waited for.
func ownTime(who int) time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// machineTime is what all cores have worked since the machine started, and what
// the host took of them meanwhile.
func machineTime() (time.Duration, time.Duration) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var n [9]time.Duration // the word cpu, then user nice system idle iowait irq softirq steal
	for i, field := range strings.Fields(first) {
		if i < len(n) {
			v, _ := strconv.ParseInt(field, 10, 64)
			n[i] = time.Duration(v) * tick
		}
	}
	return n[1] + n[2] + n[3] + n[6] + n[7], n[8]
}

// quiet is a reading of how quiet the machine is.
type quiet struct {
	at                   time.Time
	worked, stolen, ours time.Duration
}

// since says what disturbed a run that began at before.
func (q quiet) since(before quiet) string {
	wall := float64(max(q.at.Sub(before.at), 1))
	others := max(q.worked-before.worked-(q.ours-before.ours), 0) // two clocks: ours may be a little ahead
	return fmt.Sprintf("others used %.0f %% of a core and the host took %.0f %%",
		100*float64(others)/wall, 100*float64(q.stolen-before.stolen)/wall)
}
