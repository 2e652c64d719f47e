package main

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience bounds one step in the browser. The machine may be busy.
const patience = 30 * time.Second

// chromium is one browser process with an empty profile, for one test and its
// subtests.
type chromium struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in a context
}

// startChromium starts Debian's or Ubuntu's Chromium and ends it with the test.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("Chromium is not installed, and the pages are tested in a real browser. Run: sudo apt-get install -y --no-install-recommends chromium-headless-shell fonts-liberation")
	}
	alloc, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()),
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "es-EC"),
		chromedp.Flag("accept-lang", "es-EC,es"),
	)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the process has gone
		end()
		stop()
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return &chromium{ctx}
}

// tab is a page in a browser window that shares nothing with any other but those
// opened with another.
type tab struct {
	t       *testing.T
	browser *chromium
	window  cdp.BrowserContextID
	ctx     context.Context //nolint:containedctx // chromedp keeps the tab in a context
	script  bool
	looks   *looks
	axe     string // the script that brings axe-core

	mu       sync.Mutex
	troubles []string // what the browser complained of: script errors, violated policies
}

// tab opens a window with nothing in it: no cookies, no history. Where script is
// false no page's script runs.
func (c *chromium) tab(t *testing.T, script bool, l *looks) *tab {
	t.Helper()
	exec := c.executor()
	window, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(exec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.DisposeBrowserContext(window).Do(exec) })
	return c.newTab(t, window, script, l)
}

// another opens a second tab of the same window.
func (b *tab) another() *tab {
	b.t.Helper()
	return b.browser.newTab(b.t, b.window, b.script, b.looks)
}

func (c *chromium) executor() context.Context {
	return cdp.WithExecutor(c.ctx, chromedp.FromContext(c.ctx).Browser)
}

func (c *chromium) newTab(t *testing.T, window cdp.BrowserContextID, script bool, l *looks) *tab {
	t.Helper()
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(window).WithNewWindow(true).Do(c.executor())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithTargetID(id))
	b := &tab{t: t, browser: c, window: window, ctx: ctx, script: script, looks: l, axe: l.axe}
	chromedp.ListenTarget(ctx, b.listen)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, trouble := range b.troubles {
			t.Errorf("the browser complains: %s", trouble)
		}
		cancel()
	})
	// The first run ties the tab to its context, so that one may have no deadline.
	if err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(!script)); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) listen(event any) {
	trouble := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Error()
	case *cdplog.EventEntryAdded:
		// An answer of 4xx or 5xx is a line of the network's; whether it should be is the test's.
		if e.Entry.Level == cdplog.LevelError && e.Entry.Source != cdplog.SourceNetwork {
			trouble = e.Entry.Text
		}
	}
	// Chromium says so of every page while script is off.
	if trouble != "" && !strings.Contains(trouble, "scripts are disabled") {
		b.mu.Lock()
		b.troubles = append(b.troubles, trouble)
		b.mu.Unlock()
	}
}

// run does actions one after the other, or fails the test with where it stood.
func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.where())
	}
}

// lead does actions that lead to another page, waits until it is there and
// returns its status.
func (b *tab) lead(actions ...chromedp.Action) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	res, err := chromedp.RunResponse(ctx, actions...)
	if err != nil {
		b.t.Fatalf("no other page came: %v\n%s", err, b.where())
	}
	if res == nil { // from the browser's own cache of pages
		return 0
	}
	return int(res.Status)
}

// where is the address and the words of the page, for messages.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	var words string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &words)); err != nil {
		return err.Error()
	}
	return words
}
