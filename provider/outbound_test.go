package provider

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestASVS_13_2_4_OnlyPublicAddressesAreReachable(t *testing.T) {
	lan := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:20::/32")}
	for address, want := range map[string]bool{
		"181.112.150.10": true, "2800:370::1": true, "9.255.255.255": true, "11.0.0.1": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.255.255": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd12::1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "2800:370::1%eth0": false, "fec0::1": false, "100.64.0.1": false, "100.127.255.255": false,
		"224.0.0.1": false, "239.1.1.1": false, "255.255.255.255": false, "240.0.0.1": false, "ff02::1": false,
		"192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.7": false, "203.0.113.9": false, "2001:db8::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:181.112.150.10": true, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::a00:1": false, "::ffff:0:10.0.0.1": false, "::10.0.0.1": false,
		"100:0:0:1::1": false, "4000::1": false, "5f00::1": false, "1fff::1": false, "3fff::1": false, "3ffe::1": true, "2002:7f00:1::": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false,
		"10.20.3.4": true, "::ffff:10.20.3.4": true, "10.21.0.1": false, "fd00:20::7": true,
	} {
		if got := reachable(netip.MustParseAddr(address), lan, special()); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
	if reachable(netip.Addr{}, lan, special()) {
		t.Error("no address is reachable")
	}
}

// The address is looked at when the connection is made: whatever a name leads to
// then counts, not what it led to when somebody looked.
func TestASVS_1_3_6_NoConnectionToAnInnerAddress(t *testing.T) {
	var touched atomic.Bool
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { touched.Store(true) }))
	t.Cleanup(inner.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(inner.URL, "http://"), ":")
	t.Setenv("HTTP_PROXY", inner.URL) // nor through somebody who may
	post := func(c *http.Client, address string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("logout_token=x"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	guarded := newOutbound(nil, nil, time.Second)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"} {
		err := post(guarded, "http://"+host+":"+port+"/")
		if err == nil || touched.Load() {
			t.Errorf("%s: connected", host)
		}
		if class := trouble(err); class != "address" && class != "dns" {
			t.Errorf("%s: class %s: %v", host, class, err)
		}
	}
	open := newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, nil, time.Second)
	if err := post(open, inner.URL); err != nil || !touched.Load() {
		t.Errorf("a network that is named: %v", err)
	}
}

func TestOutboundTroubles(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	hold := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(hangs.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for class, address := range map[string]string{
		"tls": secure.URL, "timeout": hangs.URL, "connection": gone.URL, "dns": "http://nobody.invalid/",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		patience := 20 * time.Second
		if class == "timeout" {
			patience = 100 * time.Millisecond
		}
		res, err := newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, patience).Do(req)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s: no error", class)
			continue
		}
		if got := trouble(err); got != class && (class != "dns" || got != "timeout") { // a machine without a resolver waits
			t.Errorf("got %s, want %s: %v", got, class, err)
		}
	}
	begins := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // and does not go on
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-hold
	}))
	t.Cleanup(begins.Close)
	t.Cleanup(func() { close(hold) })
	k := newClientKeys(newOutbound([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, 100*time.Millisecond), time.Now, slog.New(slog.DiscardHandler))
	if _, err := k.fetch(t.Context(), begins.URL); err == nil || trouble(err) != "timeout" {
		t.Errorf("half an answer: got %v, want timeout", err)
	}
}

// An answer without end is not read to its end.
func TestLogoutAnswersAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sent := 0
		d := newDesk(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(http.StatusOK)
			for sent < 64<<20 {
				n, err := io.WriteString(w, strings.Repeat("x", 64<<10))
				if sent += n; err != nil {
					return
				}
			}
		})
		h.register("endless", d.URL)
		h.leaves("endless")
		h.deliver()
		want(t, "state", h.delivery("endless").State, storage.DeliveryDelivered)
		d.Close() // the handler has ended
		if sent >= 64<<20 {
			t.Error("all of it was read")
		}
	})
}

// Half of 100 applications hang or redirect. The person is out at once, and the
// other half is told, of the logout and of the event, while those still hang: one
// application holds up itself.
func TestFT23_HalfOfTheApplicationsHang(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const all = 100
		release := make(chan struct{})
		d := newDesk(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); {
			case n%4 == 1:
				<-release
				taking(w, r, 0)
			case n%4 == 3:
				http.Redirect(w, r, "/0", http.StatusFound)
			default:
				taking(w, r, 0)
			}
		})
		h.Logouts.Timeout = 30 * time.Second
		h.deliveries = newDeliveries(h.Logouts)
		h.inTx(func(tx *storage.Tx) error {
			for n := range all {
				id := "app-" + strconv.Itoa(n)
				c := storage.Client{ID: id, Metadata: storage.ClientMetadata{
					BackchannelLogoutURI: d.URL + "/" + strconv.Itoa(n), IDTokenSignedAlg: defaultAlg,
					Events: []string{storage.SessionRevoked}, EventsURI: d.URL + "/" + strconv.Itoa(n),
				}}
				if err := tx.SaveClient(t.Context(), c); err != nil {
					return err
				}
				if _, err := tx.JoinSession(t.Context(), h.session.ID, id, h.clock.now()); err != nil {
					return err
				}
			}
			return nil
		})
		h.clock.add(2 * time.Second)
		session, hint := h.session.ID, h.tokens("web", "openid").get("id_token")
		res, _ := h.logoutGet("id_token_hint", hint, "post_logout_redirect_uri", "https://web.example/bye")
		want(t, "the person is out", res.Header.Get("Location"), "https://web.example/bye")
		delivered := make(chan error)
		go func() { delivered <- h.Deliver(t.Context()) }()
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		states := func() map[string]int64 {
			counts, err := h.db.DeliveryCounts(t.Context(), h.clock.now().Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]int64{}
			for _, c := range counts {
				out[c.State] += c.Count
			}
			return out
		}
		for states()[storage.DeliveryDelivered] < all { // while a quarter hangs
			<-look.C
		}
		_, page := h.do(http.MethodGet, PathLoggedOut+"?sesion="+session, "")
		want(t, "the page says who was reached", strings.Count(page, "Cerrada") >= all/2, true)
		want(t, "and does not wait for the others", strings.Count(page, "Avisando"), all/4)
		close(release)
		if err := <-delivered; err != nil {
			t.Fatal(err)
		}
		got := states()
		want(t, "delivered", got[storage.DeliveryDelivered], int64(all*3/2)) // those that hung answered in the end
		want(t, "to be asked again", got[storage.DeliveryPending], int64(all/2))
		want(t, "followed no redirect", len(d.notices()), 2*all)
	})
}
