package login

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func TestS092_DueDate(t *testing.T) {
	set := time.Date(2025, time.November, 8, 15, 0, 0, 0, time.UTC)
	year := DefaultRenewal()
	due := year.DueAt(set, "Cotopaxi47", storage.Holder{AfiliadoID: "a"})
	if want := set.AddDate(0, 0, 365); !due.Equal(want) {
		t.Errorf("got %v, want %v", due, want)
	}
	c := &storage.Clave{CreatedAt: storage.At(set), DueAt: storage.At(due)}
	for _, tt := range []struct {
		now  time.Time
		want bool
	}{{due.Add(-time.Second), false}, {due, true}, {set.AddDate(0, 0, 366), true}} {
		if _, got := year.Due(c, tt.now); got != tt.want {
			t.Errorf("%v: got %v", tt.now, got)
		}
	}
	if _, got := (Renewal{}).Due(c, due); got {
		t.Error("0 days do not turn it off")
	}
}

// D17: a day of her own is the last one that the age of the clave allows, by the
// clock of Ecuador, 29 February included; not within 30 days.
func TestD17_RenewalDay(t *testing.T) {
	year := DefaultRenewal()
	for _, tt := range []struct {
		day       int
		set, want string
	}{
		{314, "2026-11-22T15:00:00Z", "2027-03-14T05:00:00Z"},
		{1122, "2026-11-22T15:00:00Z", "2027-11-22T05:00:00Z"},
		{1123, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"}, // the day itself would be tomorrow
		{1222, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"}, // 29 days and a half
		{1223, "2026-11-22T15:00:00Z", "2026-12-23T05:00:00Z"},
		{229, "2026-11-22T15:00:00Z", "2027-02-28T05:00:00Z"},
		{229, "2027-11-22T15:00:00Z", "2028-02-29T05:00:00Z"},
		{231, "2026-11-22T15:00:00Z", "2027-02-28T05:00:00Z"},
		{101, "2026-01-01T04:59:00Z", "2027-01-01T04:59:00Z"}, // in Ecuador it is still the year before
		{0, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"},
		{1301, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"},
		{100, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"},
		{-5, "2026-11-22T15:00:00Z", "2027-11-22T15:00:00Z"},
	} {
		set, err := time.Parse(time.RFC3339, tt.set)
		if err != nil {
			t.Fatal(err)
		}
		if got := year.DueAt(set, "Cotopaxi47", storage.Holder{AfiliadoID: "a", Day: tt.day}).Format(time.RFC3339); got != tt.want {
			t.Errorf("%d of a clave of %s: got %s, want %s", tt.day, tt.set, got, tt.want)
		}
		if !year.DueAt(set, "Cotopaxi47Cotopaxi47", storage.Holder{AfiliadoID: "a", Day: tt.day}).IsZero() {
			t.Errorf("%d: a long clave expires", tt.day)
		}
	}
}

func TestD17_WaiverSpreadAndCompromise(t *testing.T) {
	set := time.Date(2025, time.November, 8, 15, 0, 0, 0, time.UTC)
	year := DefaultRenewal()
	for clave, want := range map[string]bool{"Xk4tRw9pXk4tRw": true, "Xk4tRw9pXk4tRw9": false} {
		if got := !year.DueAt(set, clave, storage.Holder{AfiliadoID: "a"}).IsZero(); got != want {
			t.Errorf("%d characters expire: %v", len(clave), got)
		}
	}
	year.Spread = 14 * 24 * time.Hour
	days, first, last := map[string]bool{}, set.AddDate(2, 0, 0), set
	for _, id := range strings.Fields("a b c d e f g h i j k l m n o p q r s t") {
		due := year.DueAt(set, "Cotopaxi47", storage.Holder{AfiliadoID: id})
		if due.After(set.AddDate(0, 0, 365)) || due.Before(set.AddDate(0, 0, 351)) {
			t.Errorf("spread to %v", due)
		}
		days[due.Format(time.DateOnly)] = true
		if due.Before(first) {
			first = due
		}
		if due.After(last) {
			last = due
		}
	}
	if len(days) < 5 || last.Sub(first) <= year.Spread/3 {
		t.Errorf("20 people expire on %d days of 14, within %v", len(days), last.Sub(first))
	}
	week := Renewal{MaxAge: 8 * 24 * time.Hour, Spread: 30 * 24 * time.Hour}
	for _, id := range strings.Fields("a b c d e f g h") {
		if due := week.DueAt(set, "Cotopaxi47", storage.Holder{AfiliadoID: id}); due.Before(set.AddDate(0, 0, 6)) {
			t.Errorf("a clave for 8 days ends on %v", due)
		}
	}
	cause, due := Renewal{}.Due(&storage.Clave{Compromised: true}, set)
	if !due || cause != templates.CauseCompromised {
		t.Errorf("got %q %v", cause, due)
	}
}

func TestD02_Lockout(t *testing.T) {
	for _, tt := range []struct {
		attempts, n int
		want        bool
	}{{5, 0, false}, {5, 4, false}, {5, 5, true}, {3, 3, true}, {1000, 100, true}} {
		if got := (Lockout{Attempts: tt.attempts}).Locks(tt.n); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
	for _, reason := range []string{storage.LockLogin, storage.LockRecuperacion, storage.LockOperador, storage.LockCompromiso, "otro"} {
		if passes(reason, false) {
			t.Errorf("%s lets strangers pass", reason)
		}
		if got, want := passes(reason, true), reason == storage.LockLogin || reason == storage.LockRecuperacion; got != want {
			t.Errorf("%s on the own device: %v", reason, got)
		}
	}
}

func TestLimit(t *testing.T) {
	now := time.Unix(1800000000, 0)
	l := Limit{Free: 5, Leak: time.Hour, Step: 500 * time.Millisecond, Max: 3 * time.Second}
	for failures, want := range map[int]time.Duration{0: 0, 5: 0, 6: 500 * time.Millisecond, 8: 1500 * time.Millisecond, 11: 3 * time.Second, 1 << 40: 3 * time.Second} {
		if got := l.Delay(failures); got != want {
			t.Errorf("%d: got %v, want %v", failures, got, want)
		}
	}
	for _, tt := range []struct {
		l    Limit
		full int
		want time.Duration
	}{
		{l, 20, 20 * time.Hour},
		{l, 0, 11 * time.Hour}, // five free, six steps to the longest delay
		{Limit{Free: 100, Leak: 6 * time.Second, Step: 50 * time.Millisecond, Max: 3 * time.Second}, 80, 16 * time.Minute},
		{Limit{Free: 1, Leak: time.Second}, 80, 80 * time.Second},
		{Limit{}, 20, 0},
	} {
		if got := tt.l.Rim(tt.full); got != tt.want {
			t.Errorf("%+v full at %d: got %v, want %v", tt.l, tt.full, got, tt.want)
		}
		if rim := tt.l.Rim(tt.full); tt.l.Delay(tt.l.Level(storage.At(now.Add(rim)), now)) != tt.l.Max {
			t.Errorf("%+v: its rim is below the longest delay", tt.l)
		}
	}
	if endless := (Limit{Free: 1 << 40, Leak: time.Hour, Step: 1, Max: 1}); endless.Rim(20) <= 0 {
		t.Error("a rim is beyond time")
	}
	for left, want := range map[time.Duration]int{0: 0, -time.Hour: 0, time.Minute: 1, time.Hour: 1, 119 * time.Minute: 2} {
		if got := l.Level(storage.At(now.Add(left)), now); got != want {
			t.Errorf("%v: got %d, want %d", left, got, want)
		}
	}
	if l.Level(storage.Instant{}, now) != 0 {
		t.Error("nothing is something")
	}
	for remote, want := range map[string]string{
		"203.0.113.77:1234": "203.0.113.0/24", "[2001:db8:1:2::3]:1": "2001:db8:1::/48", "[::ffff:203.0.113.9]:1": "203.0.113.0/24",
		"": "unknown", "x": "unknown", "[fe80::1%eth0]:1": "fe80::/48",
	} {
		if got := networkOf(remote); got != want {
			t.Errorf("%q: got %q, want %q", remote, got, want)
		}
	}
}

func TestACR(t *testing.T) {
	order := []string{"urn:other", ACRClave, ACRClave15, ACR2FA, ACRPasskey}
	for i, have := range order {
		for j, want := range order {
			if got := Satisfies(have, want); got != (j > 0 && i >= j) {
				t.Errorf("%s for %s: %v", have, want, got)
			}
		}
	}
}

// T28: what is hashed is bounded, and needs no more than was asked.
func TestT28_Slots(t *testing.T) {
	h, err := NewHasher(HashConfig{Memory: 8, Passes: 1, Slots: 2, Queue: 1, Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Take(t.Context()); err == nil {
		t.Error("a third slot of two")
	}
	a.Release()
	phc, err := h.Make(t.Context(), "Cotopaxi47")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("%q %v", phc, err)
	}
	a, err = h.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for clave, want := range map[string]bool{"Cotopaxi47": true, "cotopaxi47": false, "": false} {
		if right, old, err := a.Compare(phc, clave); err != nil || right != want || old {
			t.Errorf("%q: %v %v %v", clave, right, old, err)
		}
	}
	if err := a.Waste("x"); err != nil {
		t.Error(err)
	}
	if got := h.Counts(); got != (Counts{Compared: 3, Wasted: 1, Made: 1, Refused: 1}) {
		t.Errorf("got %+v", got)
	}
	stronger, err := NewHasher(HashConfig{Memory: 16, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	slot, err := stronger.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if right, old, err := slot.Compare(phc, "Cotopaxi47"); err != nil || !right || !old {
		t.Errorf("%v %v %v", right, old, err)
	}
}

// T14: with https the cookies are of this host alone, and of no script.
func TestT14_CookieNames(t *testing.T) {
	for issuer, prefix := range map[string]string{"https://clave.iess.example": "__Host-clave-", "http://localhost:8080": "clave-"} {
		u, err := url.Parse(issuer)
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{cookies: namesFor(u)}
		w := httptest.NewRecorder()
		s.set(w, s.cookies.session, "x", 0)
		c := w.Result().Cookies()[0]
		if !strings.HasPrefix(c.Name, prefix) || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
			c.Secure != (u.Scheme == "https") || c.Secure == strings.HasSuffix(c.Name, "-8080") {
			t.Errorf("%s: %+v", issuer, c)
		}
	}
}

// FT-17: no Cookie header gives anything but a secret of ours or nothing.
func FuzzFT17_Cookies(f *testing.F) {
	for _, s := range []string{"clave-session-8080=x", "clave-session-8080=" + storage.NewSecret(), "a=\"b\"; ;=\x00", strings.Repeat("a=b; ", 500)} {
		f.Add(s)
	}
	u, err := url.Parse("http://localhost:8080")
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{cookies: namesFor(u)}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		for _, name := range []string{s.cookies.session, s.cookies.device, s.cookies.browser} {
			if got := secret(r, name); got != "" && (len(got) != 43 || !allURLSafe(got)) {
				t.Fatalf("%q: got %q", header, got)
			}
		}
		if !slices.Contains(templates.Languages(), s.Language(r)) {
			t.Fatal("no language")
		}
		s.deviceHash(r)
	})
}

func TestD04_LockoutEnds(t *testing.T) {
	at := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	l := Lockout{Attempts: 5, Expires: time.Hour}
	for _, tt := range []struct {
		lockout Lockout
		reason  string
		after   time.Duration
		want    bool
	}{
		{l, storage.LockLogin, time.Hour - time.Second, false},
		{l, storage.LockLogin, time.Hour, true},
		{l, storage.LockRecuperacion, time.Hour + time.Second, true},
		{l, storage.LockOperador, 1000 * time.Hour, false},
		{l, storage.LockCompromiso, 1000 * time.Hour, false},
		{l, "otro", 1000 * time.Hour, false},
		{l, "", 1000 * time.Hour, false},
		{Lockout{Attempts: 5}, storage.LockLogin, 1000 * time.Hour, false},
	} {
		b := storage.LoginBudget{LockReason: tt.reason, LockedAt: storage.At(at)}
		if got := tt.lockout.Ended(b, at.Add(tt.after)); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
		if got := tt.lockout.Ends(b); got.IsZero() == (tt.lockout.Expires > 0 && (tt.reason == storage.LockLogin || tt.reason == storage.LockRecuperacion)) {
			t.Errorf("%+v: ends %s", tt, got)
		}
	}
}

func TestD04_ShortLocksAreRefused(t *testing.T) {
	for expires, right := range map[time.Duration]bool{0: true, time.Minute: false, -time.Hour: false, 15 * time.Minute: true} {
		c := Config{Lockout: Lockout{Expires: expires}}
		if err := c.complete(); (err == nil) != right {
			t.Errorf("%s: got %v", expires, err)
		}
	}
}
