package main

import (
	"io"
	"os"
	"strings"
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

// at reports that done of total bytes are behind us.
func (p *progress) at(done, total int64) {
	now := p.now()
	pause := 5 * time.Second
	if p.terminal {
		pause = 200 * time.Millisecond
	}
	if now.Sub(p.start) < 2*time.Second || now.Sub(p.last) < pause || total <= 0 {
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

// end leaves the terminal's line.
func (p *progress) end() {
	if p.terminal && p.shown {
		say(p.w, "\n")
	}
}
