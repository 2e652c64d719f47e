package login

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Protocol is what the dispatcher needs of whoever speaks OAuth.
// provider.Server satisfies it.
type Protocol interface {
	// Grant completes req for the session: it issues the one code and returns the
	// authorization response, to be written once tx has committed.
	Grant(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, s *storage.Session) (http.Handler, error)
	// Deny completes req with an OAuth error. It audits whom it was denied to
	// (req.AfiliadoID), where that is known.
	Deny(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest, code, description string) (http.Handler, error)
}

// Config is what a Server is made of. Fields after Log get the defaults named
// where they are zero.
type Config struct {
	Issuer  string // as in discovery; its scheme and port name the cookies
	DB      *storage.DB
	Clients *storage.ClientCache
	Pages   *templates.Pages
	Hash    *Hasher
	Now     func() time.Time
	Log     *slog.Logger

	Identifiers Identifiers
	Policy      Policy  // DefaultPolicy; its Common: CommonClaves
	History     int     // last claves that may not come again: 5 (S089)
	Lockout     Lockout // 5 attempts (D02), no end (D04)
	// Renewal has no default: its zero value renews compromised claves only. See
	// DefaultRenewal.
	Renewal Renewal

	Idle           time.Duration // of a session: 15 minutes (ASVS 7.1.1)
	Absolute       time.Duration // of a session: 12 hours
	SharedIdle     time.Duration // of a session on a shared computer: 5 minutes, never more than Idle (T33)
	SharedAbsolute time.Duration // of such a session: 30 minutes, never more than Absolute
	Sessions       int           // of one person at a time: 10 (ASVS 7.1.2)
	DeviceLife     time.Duration // of a known-device lane: 180 days
	DevicePeople   int           // people in one browser, beyond which it is a shared computer: 3
	ProofLife      time.Duration // how long a sign-in lets renew the clave without typing it again: 15 minutes (S039)
	BudgetLife     time.Duration // after which unfinished counts are forgotten: 30 days

	UnlockLife    time.Duration // of a link that unlocks, from its hand-over (S072, D05): 3 minutes
	UnlockWindow  time.Duration // in which a person gets UnlockLimit links: 15 minutes (D06)
	UnlockLimit   int           // 3
	UnlockAnyone  bool          // also without a registered fingerprint (D20 asks for one)
	ContactWait   time.Duration // before another address of hers counts: 72 hours (D18)
	NewDeviceWait time.Duration // how long the notice of a new device waits for what follows: 5 minutes

	Network    Limit // failures of one network: 100 free, 6 s each, 50 ms more for each, at most 3 s
	Identifier Limit // failures on one identifier: 5 free, 1 h each, 500 ms more for each, at most 3 s
	// Alarm has no default: its zero value is never raised. See DefaultAlarm.
	Alarm Alarm
	// Wait passes a delay of Network or Identifier; nil waits by the machine's
	// clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// DefaultRenewal is one year, waived for claves of 15 characters and for people
// with a passkey (D17).
func DefaultRenewal() Renewal {
	return Renewal{MaxAge: 365 * 24 * time.Hour, Waiver: 15, Passkey: true}
}

// Server is who is at the browser: the person's pages and the rules they obey.
// It is safe for concurrent use.
type Server struct {
	Config
	// Protocol must be set before the first request is served.
	Protocol   Protocol
	Challenges *challenge.Challenge // "No soy un robot", on every page of ours
	// Passkeys is nil where no browser makes any for the issuer (passkey.ErrNoHost).
	Passkeys *passkey.RelyingParty

	cookies cookieNames
	csrf    *http.CrossOriginProtection
	once    *once
	watch   watch
	crowd   *crowd // of strangers
	pressed *crowd // of those in networks under pressure
}

// New checks cfg and returns a Server whose Protocol is still to be set.
func New(cfg Config) (*Server, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, errors.New("login: the issuer must be a URL")
	}
	if cfg.DB == nil || cfg.Clients == nil || cfg.Pages == nil || cfg.Hash == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("login: DB, Clients, Pages, Hash, Now and Log are required")
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	challenges, err := challenge.New(challenge.Config{DB: cfg.DB, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	passkeys, err := passkey.New(cfg.Issuer)
	if err != nil && !errors.Is(err, passkey.ErrNoHost) {
		return nil, err
	}
	s := &Server{
		Config: cfg, Challenges: challenges, Passkeys: passkeys, cookies: namesFor(issuer), csrf: http.NewCrossOriginProtection(), once: newOnce(),
		crowd: newCrowd(int(cfg.Hash.queue / 2)), pressed: newCrowd(pressedPlaces),
	}
	s.csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &failure{kind: templates.KindForbidden})
	}))
	return s, nil
}

// complete sets what was left at zero.
func (c *Config) complete() error {
	if c.Policy.Max == 0 {
		c.Policy = DefaultPolicy()
	}
	if c.Policy.Common == nil {
		var err error
		if c.Policy.Common, err = CommonClaves(); err != nil {
			return err
		}
	}
	if c.Network == (Limit{}) {
		c.Network = Limit{Free: 100, Leak: 6 * time.Second, Step: 50 * time.Millisecond, Max: 3 * time.Second}
	}
	if c.Identifier == (Limit{}) {
		c.Identifier = Limit{Free: 5, Leak: time.Hour, Step: 500 * time.Millisecond, Max: 3 * time.Second}
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	for to, value := range map[*int]int{&c.History: 5, &c.Lockout.Attempts: 5, &c.Sessions: 10, &c.DevicePeople: 3, &c.UnlockLimit: 3, &c.Alarm.Least: DefaultAlarm().Least} {
		if *to <= 0 {
			*to = value
		}
	}
	for to, value := range map[*time.Duration]time.Duration{
		&c.Idle: 15 * time.Minute, &c.Absolute: 12 * time.Hour, &c.SharedIdle: 5 * time.Minute, &c.SharedAbsolute: 30 * time.Minute,
		&c.DeviceLife: 180 * 24 * time.Hour,
		&c.ProofLife:  15 * time.Minute, &c.BudgetLife: 30 * 24 * time.Hour,
		&c.UnlockLife: 3 * time.Minute, &c.UnlockWindow: 15 * time.Minute, &c.ContactWait: 72 * time.Hour, &c.NewDeviceWait: 5 * time.Minute,
		&c.Alarm.Hold: DefaultAlarm().Hold,
	} {
		if *to <= 0 {
			*to = value
		}
	}
	c.SharedIdle, c.SharedAbsolute = min(c.SharedIdle, c.Idle), min(c.SharedAbsolute, c.Absolute)
	if c.Lockout.Expires != 0 && c.Lockout.Expires < leastExpiry {
		return errors.New("login: a lock that ends by itself within 15 minutes is not allowed")
	}
	if c.Lockout.Attempts > maxAttempts {
		return errors.New("login: more than 100 attempts before a lock are not allowed")
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Routes mounts the pages on r, each path with its methods; anything else is
// 405. Forms sent from another site are refused (T15).
func (s *Server) Routes(r *mux.Router) {
	get := func(path string, h Handler) { r.Handle(path, s.Handle(h)).Methods(http.MethodGet, http.MethodHead) }
	post := func(path string, h Handler) { r.Handle(path, s.Handle(h)).Methods(http.MethodPost) }
	get("/", s.getHome)
	get("/ingresar", s.getLogin)
	post("/ingresar", s.postLogin)
	if s.Passkeys != nil {
		post(pageOptions, s.postPasskeyOptions)
		get(pageOffer, s.getOffer)
		post(pageOffer, s.postOffer)
		post(pageSecondOptions, s.postSecondOptions)
	}
	get(pageSecond, s.getSecond)
	post(pageSecond, s.postSecond)
	get("/continuar", s.getContinue)
	get("/autorizar", s.getConsent)
	post("/autorizar", s.postConsent)
	get(PageStay, s.getStay)
	post(PageStay, s.postStay)
	get(PageClosed, s.getClosed)
	get("/ayuda", s.info(func(l templates.Layout) templates.Page {
		return templates.Ayuda{Layout: l, Closed: templates.VideoClosed(s.Now())}
	}))
	get("/ayuda/llaves", s.info(func(l templates.Layout) templates.Page { return templates.AyudaLlaves{Layout: l} }))
	get("/tramite", s.info(func(l templates.Layout) templates.Page { return templates.Tramite{Layout: l} }))
	get("/privacidad", s.info(func(l templates.Layout) templates.Page { return templates.Privacidad{Layout: l} }))
	get("/accesibilidad", s.info(func(l templates.Layout) templates.Page { return templates.Accesibilidad{Layout: l} }))
	get("/acuerdo", s.info(func(l templates.Layout) templates.Page { return templates.Acuerdo{Layout: l} }))
	get("/acuerdo/{version}", s.getAcuerdo)
	get("/declaracion", s.info(func(l templates.Layout) templates.Page { return templates.Declaracion{Layout: l} }))
	get("/declaracion/{version}", s.getDeclaracion)
}
