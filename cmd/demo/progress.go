package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress tells now and then how far a thing is that takes over two seconds.
type progress struct {
	w           io.Writer
	now         func() time.Time
	start, last time.Time
}

func newProgress(w io.Writer, now func() time.Time) *progress {
	return &progress{w: w, now: now, start: now()}
}

func (p *progress) at(done, of int) {
	now := p.now()
	if now.Sub(p.start) < 2*time.Second || now.Sub(p.last) < 2*time.Second && done < of {
		return
	}
	p.last = now
	say(p.w, "people: %d of %d", done, of)
}

// say writes a line for people. Whoever does not read it has gone.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

// oneLine keeps an error on the one line it is promised to have.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
