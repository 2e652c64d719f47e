package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// device is what makes and keeps passkeys, as far as one tab knows: Chromium's virtual
// authenticator. Nobody touches it until present says so. While somebody does,
// autofill needs no choice of hers: what the browser would offer is taken at once.
type device struct {
	b  *tab
	id webauthn.AuthenticatorID
}

// device gives the tab one whose passkeys stay in it or, where synced, have a copy
// elsewhere. A second one of a tab hangs on a cable.
func (b *tab) device(synced bool) *device {
	b.t.Helper()
	transport := webauthn.AuthenticatorTransportInternal
	if synced {
		transport = webauthn.AuthenticatorTransportUsb
	}
	d := &device{b: b}
	b.run(webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		d.id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: transport,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: synced, DefaultBackupState: synced,
		}).Do(ctx)
		return err
	}))
	return d
}

// present is whether somebody touches the device.
func (d *device) present(is bool) {
	d.b.t.Helper()
	d.b.run(webauthn.SetAutomaticPresenceSimulation(d.id, is))
}

// verifies is whether the device takes her for its owner.
func (d *device) verifies(is bool) {
	d.b.t.Helper()
	d.b.run(webauthn.SetUserVerified(d.id, is))
}

// keys are the passkeys on the device.
func (d *device) keys() []*webauthn.Credential {
	d.b.t.Helper()
	var all []*webauthn.Credential
	d.b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		all, err = webauthn.GetCredentials(d.id).Do(ctx)
		return err
	}))
	return all
}

// only is the one passkey on the device.
func (d *device) only() *webauthn.Credential {
	d.b.t.Helper()
	all := d.keys()
	if len(all) != 1 {
		d.b.t.Fatalf("%d passkeys on the device, want one\n%s", len(all), d.b.where())
	}
	return all[0]
}

// backs sets the flags that the passkey shows from now on: whether it may have a
// copy, and whether it has.
func (d *device) backs(eligible, state bool) {
	d.b.t.Helper()
	d.b.run(webauthn.SetCredentialProperties(d.id, d.only().CredentialID).WithBackupEligibility(eligible).WithBackupState(state))
}

// copied is the same device as another tab knows it.
func (d *device) copied(to *tab) *device {
	d.b.t.Helper()
	key := d.only()
	other := to.device(false)
	to.run(webauthn.AddCredential(other.id, key))
	return other
}

// touch presses a button that asks for the device and touches it, which leads to
// another page. Where autofill waits too, it has come to that before: what it asks
// for while somebody touches the device, it gets, and the button nothing.
func (d *device) touch(id string) {
	d.b.t.Helper()
	if d.b.has("[autocomplete~=webauthn]") {
		d.b.run(chromedp.Poll(`PublicKeyCredential.isConditionalMediationAvailable().then(fills => !fills || performance.getEntriesByType('resource').some(e => e.name.endsWith('/opciones')) && new Promise(r => setTimeout(r, 50, true)))`, nil))
	}
	d.present(true)
	defer d.present(false)
	d.b.lead(chromedp.Click("#"+id, chromedp.ByQuery))
}

// arrives waits until script has led to a page of that address.
func (b *tab) arrives(site, path string) {
	b.t.Helper()
	over := time.Now().Add(patience)
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		u := b.location()
		if u.Scheme+"://"+u.Host == site && u.Path == path && value[string](b, "document.readyState") == "complete" {
			tick.Stop()
			return
		}
		if time.Now().After(over) {
			b.t.Fatalf("did not get to %s%s\n%s", site, path, b.where())
		}
	}
}

// told waits until the page's status says something of that.
func (b *tab) told(words string) {
	b.t.Helper()
	var said string
	b.run(chromedp.Poll(`(() => {
		const said = [...document.querySelectorAll('[role=status]')].map(e => e.textContent).join(' ')
		return said.includes(`+quoted(words)+`) && said
	})()`, &said, chromedp.WithPollingTimeout(patience)))
	if !strings.Contains(said, words) {
		b.t.Errorf("the page says %q, want %q", said, words)
	}
}

// asksFor is what becomes of a page that asks the device for a passkey of rp, "" for
// its own host: the name of the error, or "ok".
func (b *tab) asksFor(rp string) string {
	b.t.Helper()
	options := `{challenge: new Uint8Array(32), userVerification: 'required', timeout: 1000}`
	if rp != "" {
		options = strings.Replace(options, "{", "{rpId: "+quoted(rp)+", ", 1)
	}
	var got string
	b.run(chromedp.Evaluate(`navigator.credentials.get({publicKey: `+options+`}).then(() => 'ok', e => e.name)`, &got,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
			return p.WithAwaitPromise(true).WithUserGesture(true)
		}))
	return got
}

// add puts a passkey on the device.
func (d *device) add(key *webauthn.Credential) func(context.Context) error {
	return func(ctx context.Context) error { return webauthn.AddCredential(d.id, key).Do(ctx) }
}

// replace puts a passkey on the device in the place of all others.
func (d *device) replace(key *webauthn.Credential) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := webauthn.ClearCredentials(d.id).Do(ctx); err != nil {
			return err
		}
		return d.add(key)(ctx)
	}
}

// anotherHost is the address of a page on another host of this machine.
func anotherHost(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Otra</title><p>Otra página.")
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "otra.localhost", 1)
}
