package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// looks inspects pages: at both widths and, narrow, in the dark there must be
// nothing that axe-core finds wrong (WCAG 2.2 AA and its best practices), and no
// sideways scroll there nor at 320 pixels. axe-core inspects a page once that
// differs from another one in nothing but its words; scrolling is watched on all.
// Where pictures is set, it leaves a picture of each there, the wide dark ones too.
type looks struct {
	axe      string
	pictures string

	mu   sync.Mutex
	seen map[string]bool
}

// shapes are those of the pages that any test of this package has inspected.
var shapes sync.Map

func newLooks(t *testing.T, pictures string) *looks {
	t.Helper()
	axe, err := os.ReadFile(axeFile)
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

var axeFile = filepath.Join("..", "..", "templates", "testdata", "axe.min.js")

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
	own := value[int](b, "innerWidth")
	b.width(320)
	b.noSidewaysScroll(name + "-320")
	if _, known := shapes.LoadOrStore(value[string](b, shape), name); known && l.pictures == "" {
		for _, px := range []int64{360, 1280} {
			b.width(px)
			b.noSidewaysScroll(fmt.Sprintf("%s-%d", name, px))
		}
	} else {
		b.inspect(name)
	}
	b.run(emulation.ClearDeviceMetricsOverride())
	for over := time.Now().Add(patience); value[int](b, "innerWidth") != own; { // or a click that follows would miss what then moves
		if time.Now().After(over) {
			b.t.Fatalf("%s: the window does not get its width back", name)
		}
	}
}

// shape is all of a page that axe-core looks at but for its words, and edges that
// of what stands above and below every page's own part.
const (
	shape = `(` + shapeOf + `)([document.documentElement])`
	edges = `(` + shapeOf + `)(document.querySelectorAll('body > header, body > footer'))`
)

const shapeOf = `nodes => {
	const words = new Set(['href', 'src', 'srcdoc', 'value', 'action', 'content', 'datetime', 'title', 'alt'])
	const of = n => n.nodeType === Node.TEXT_NODE ? (n.data.trim() ? '…' : '') : n.nodeType !== Node.ELEMENT_NODE ? '' :
		'<' + n.tagName + [...n.attributes].map(a => ' ' + a.name + '=' + (words.has(a.name) && n.tagName !== 'LINK' ? !!a.value.trim() : a.value)).join('') +
		(n.checked ? ' ticked' : '') + '>' + (n.tagName === 'STYLE' ? n.textContent : [...n.childNodes].map(of).join('')) + '</>'
	return [...nodes].map(of).join('')
}`

// shown says of each element whether it is to be seen.
const shown = `[...document.querySelectorAll('body *')].map(e => {
	const r = e.getBoundingClientRect()
	return +(e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && r.width > 1 && r.height > 1)
}).join('')`

// What axe-core is told: every rule of its own choice, those that look at where
// things stand and at colours, or those that look at colours alone. The last two
// judge each element for itself.
const (
	everyRule   = ``
	layoutRules = `, runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']}`
	colourRules = `, runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}`
)

// inspect lets axe-core inspect the page: with every rule when it is narrow and,
// where something else is shown then, when it is wide.
func (b *tab) inspect(name string) {
	b.t.Helper()
	b.run(chromedp.ActionFunc(emulation.SetScriptExecutionDisabled(false).Do), chromedp.Evaluate(b.axe, nil, awaited))
	narrow := ""
	for _, at := range []struct {
		px            int64
		scheme, rules string
	}{{360, "light", everyRule}, {360, "dark", colourRules}, {1280, "light", layoutRules}, {1280, "dark", colourRules}} {
		if at.px == 1280 && at.scheme == "dark" && b.looks.pictures == "" {
			continue // the colours do not depend on the width
		}
		b.width(at.px)
		// Without motion, or colours would be measured on their way from one scheme to the other.
		b.media("", "prefers-color-scheme", at.scheme, "prefers-reduced-motion", "reduce")
		switch now := value[string](b, shown); {
		case at.px == 360:
			narrow = now
		case at.scheme == "light" && now != narrow:
			at.rules = everyRule
		}
		on := "document"
		if _, known := shapes.LoadOrStore(fmt.Sprint(at, value[string](b, edges)), name); known && at.rules != everyRule {
			on = "{exclude: ['body > header', 'body > footer']}"
		}
		full := fmt.Sprintf("%s-%d-%s", name, at.px, at.scheme)
		var violations []violation
		b.run(chromedp.Evaluate(`axe.run(`+on+`, {resultTypes: ['violations'], elementRef: false, preload: false`+at.rules+`}).then(r => r.violations)`, &violations, awaited))
		for _, v := range violations {
			b.t.Errorf("%s: axe: %s", full, v)
		}
		b.noSidewaysScroll(full)
		if b.looks.pictures != "" {
			b.picture(full)
		}
	}
	b.media("")
	b.run(emulation.SetScriptExecutionDisabled(!b.script))
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

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
