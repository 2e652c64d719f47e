package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// looks inspects pages: at both widths and, narrow, in the dark there must be
// nothing that axe-core finds wrong (WCAG 2.2 AA and its best practices), and no
// sideways scroll there nor at 320 pixels. Where pictures is set, it leaves a
// picture of each there, the wide dark ones too.
type looks struct {
	axe      string
	pictures string

	mu   sync.Mutex
	seen map[string]bool
}

func newLooks(t *testing.T, pictures string) *looks {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join("..", "..", "templates", "testdata", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	if pictures != "" {
		if err := os.MkdirAll(pictures, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &looks{axe: string(axe), pictures: pictures, seen: map[string]bool{}}
}

// violation is what axe-core found.
type violation struct {
	ID, Help string
	Nodes    []struct {
		Target         []any
		HTML           string
		FailureSummary string
	}
}

func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.ID, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n  %v %s\n  %s", n.Target, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
	}
	return b.String()
}

// look inspects the page in its present state. name is page and state, in words
// that make a good file name; each is inspected once.
func (b *tab) look(name string) {
	b.t.Helper()
	l := b.looks
	l.mu.Lock()
	known := l.seen[name]
	l.seen[name] = true
	l.mu.Unlock()
	if known {
		return
	}
	b.run(chromedp.ActionFunc(emulation.SetScriptExecutionDisabled(false).Do), chromedp.Evaluate(l.axe, nil))
	b.width(320) // first: the last width is near the window's own, where a click follows at once
	b.noSidewaysScroll(name + "-320")
	for _, at := range []struct {
		px     int64
		scheme string
	}{{360, "light"}, {360, "dark"}, {1280, "light"}, {1280, "dark"}} {
		if at.px == 1280 && at.scheme == "dark" && l.pictures == "" {
			continue // the colours do not depend on the width
		}
		b.width(at.px)
		// Without motion, or colours would be measured on their way from one scheme to the other.
		b.media("", "prefers-color-scheme", at.scheme, "prefers-reduced-motion", "reduce")
		b.inspect(fmt.Sprintf("%s-%d-%s", name, at.px, at.scheme), at.scheme == "light")
	}
	b.media("")
	b.run(emulation.ClearDeviceMetricsOverride(), emulation.SetScriptExecutionDisabled(!b.script))
}

// inspect runs axe-core, with every rule of its own choice or, where only colours
// have changed since, with those that look at them.
func (b *tab) inspect(name string, every bool) {
	b.t.Helper()
	options := `{resultTypes: ['violations'], elementRef: false}`
	if !every {
		options = `{resultTypes: ['violations'], runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}`
	}
	var violations []violation
	b.run(chromedp.Evaluate(`axe.run(`+options+`).then(r => r.violations)`, &violations,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	for _, v := range violations {
		b.t.Errorf("%s: axe: %s", name, v)
	}
	b.noSidewaysScroll(name)
	if b.looks.pictures != "" {
		b.picture(name)
	}
}

// noSidewaysScroll fails the test where the page is wider than the window.
func (b *tab) noSidewaysScroll(name string) {
	b.t.Helper()
	if over := value[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		b.t.Errorf("%s: the page is %d pixels wider than the window: %s", name, over, value[string](b, `[...document.querySelectorAll('body *')]
			.filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 80)).slice(-3).join(' … ')`))
	}
}

// picture writes the whole page as a PNG file.
func (b *tab) picture(name string) {
	b.t.Helper()
	var png []byte
	b.run(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(b.looks.pictures, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
