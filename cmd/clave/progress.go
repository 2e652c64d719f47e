package main

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress tells on stderr how far something is that takes more than two
// seconds: as a bar on a terminal, as a line now and then elsewhere.
type progress struct {
	w           io.Writer
	now         func() time.Time
	what        string
	start, last time.Time
	terminal    bool
	shown       bool
}

func newProgress(w io.Writer, now func() time.Time, what string) *progress {
	p := &progress{w: w, now: now, what: what, start: now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// at reports that done of total bytes, rows or whatever it counts are behind us.
func (p *progress) at(done, total int64) {
	now := p.now()
	if total <= 0 || !p.due(now) {
		return
	}
	p.last, p.shown = now, true
	percent := min(100*done/total, 100)
	left := time.Duration(float64(now.Sub(p.start)) * float64(total-done) / float64(max(done, 1))).Round(time.Second)
	if p.terminal {
		bar := strings.Repeat("#", int(percent/5)) + strings.Repeat(".", 20-int(percent/5))
		say(p.w, "\r%s [%s] %3d %%, %s left   ", p.what, bar, percent, left)
		return
	}
	say(p.w, "%s: %d %%, %s left\n", p.what, percent, left)
}

// while does work that cannot say how far it is, and tells now and then for how
// long it has been going on.
func (p *progress) while(work func() error) error {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.alive()
			}
		}
	})
	err := work()
	close(done)
	wg.Wait()
	p.end()
	return err
}

// alive reports that the work goes on.
func (p *progress) alive() {
	now := p.now()
	if !p.due(now) {
		return
	}
	p.last, p.shown = now, true
	format := "%s: at it for %s\n"
	if p.terminal {
		format = "\r%s: at it for %s   "
	}
	say(p.w, format, p.what, now.Sub(p.start).Round(time.Second))
}

// due reports whether it is time to say something at now.
func (p *progress) due(now time.Time) bool {
	pause := 5 * time.Second
	if p.terminal {
		pause = 200 * time.Millisecond
	}
	return now.Sub(p.start) >= 2*time.Second && now.Sub(p.last) >= pause
}

// end leaves the terminal's line.
func (p *progress) end() {
	if p.terminal && p.shown {
		say(p.w, "\n")
	}
}
