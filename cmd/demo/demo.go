package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/cmd/demo/mailbox"
	"iess.gob.ec/clave/cmd/demo/rp"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// demo is everything, ready to serve.
type demo struct {
	options
	temporary bool
	issuer    string
	server    *server.Server
	apps      []*rp.App
	mailbox   *mailbox.Mailbox
	pages     *templates.Pages // words of the provider's, for the mailbox
	listeners []net.Listener   // provider, applications, mailbox, internal listener
	smtp      net.Listener     // where the mailbox's mail server takes mail, on a free port
}

// The offsets of the ports that are listened on, in the order of listeners.
func offsets() []int { return []int{0, 1, 2, 3, 4, 6} }

// prepare opens the ports, fills the database on the first run, and assembles
// everything. The caller closes what it returns.
func prepare(ctx context.Context, o options) (*demo, error) {
	d := &demo{options: o, issuer: "http://localhost:" + strconv.Itoa(o.port)}
	if err := d.assemble(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *demo) assemble(ctx context.Context) error {
	if err := d.listen(ctx); err != nil {
		return err
	}
	if err := d.folder(); err != nil {
		return err
	}
	secrets, err := loadSecrets(d.data)
	if err != nil {
		return err
	}
	audit, err := note.NewSigner(secrets.Audit)
	if err != nil {
		return fmt.Errorf("demo: audit key: %w", err)
	}
	cfg := storage.Config{URL: d.database, Keys: secrets.keys()}
	if cfg.URL == "" {
		cfg.URL = "sqlite:" + filepath.Join(d.data, "clave.db")
	}
	apps := applications(d.issuer, d.port)
	var cost login.HashConfig // zero: the real one
	if d.quick {
		cost.Memory, cost.Passes = 64, 1
	}
	hash, err := login.NewHasher(cost)
	if err != nil {
		return err
	}
	policy := login.Config{Hash: hash, Renewal: login.DefaultRenewal(), Alarm: login.DefaultAlarm()}
	if d.quick { // everybody in a test lives in one network, and much fails there
		policy.Network = login.Limit{Free: 1} // no Leak: nothing presses, whichever way a test sets the clock
		policy.Alarm = login.Alarm{}
	}
	if err := d.fill(ctx, cfg, policy, apps, secrets); err != nil {
		return err
	}
	d.server, err = server.New(ctx, server.Config{
		Issuer: d.issuer, Version: "demo", Storage: cfg, Login: policy, Audit: audit, Mail: d.mailServer(), Now: d.now, Log: d.log,
		Provider: provider.Config{ // where the applications run
			Logouts: provider.LogoutConfig{Networks: loopback()}, ClientKeys: provider.ClientKeysConfig{Networks: loopback()},
		},
	})
	if err != nil {
		return err
	}
	if err := d.openMailbox(); err != nil {
		return err
	}
	for _, a := range apps {
		c := a.rp
		c.ClientSecret, c.Now, c.Log = secrets.Clients[c.ClientID], d.now, d.log
		app, err := rp.New(c)
		if err != nil {
			return err
		}
		d.apps = append(d.apps, app)
	}
	return nil
}

// loopback is this machine.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// listen opens every port, on the loopback interface alone.
func (d *demo) listen(ctx context.Context) error {
	for _, n := range offsets() {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port+n)))
		if err != nil {
			return fmt.Errorf("port %d cannot be opened (%w); give another base port with -port", d.port+n, err)
		}
		d.listeners = append(d.listeners, l)
	}
	var err error
	if d.smtp, err = new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("demo: mail server: %w", err)
	}
	return nil
}

// folder makes the data folder, for its owner alone.
func (d *demo) folder() error {
	var err error
	if d.temporary = d.data == ""; d.temporary {
		d.data, err = os.MkdirTemp("", "clave-demo-")
	} else {
		err = os.MkdirAll(d.data, 0o700)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// fill brings the schema up to date and adds the people and applications that
// are not there yet.
func (d *demo) fill(ctx context.Context, cfg storage.Config, policy login.Config, apps []application, s secrets) error {
	db, err := storage.Open(ctx, cfg)
	if err != nil {
		return err
	}
	err = d.fillDB(ctx, db, policy, apps, s)
	return errors.Join(err, db.Close())
}

func (d *demo) fillDB(ctx context.Context, db *storage.DB, policy login.Config, apps []application, s secrets) error {
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	if _, err := db.SigningKeys(ctx); err != nil {
		return fmt.Errorf("the database was filled with the keys of another data folder (%w); give that folder with -data, or an empty database", err)
	}
	seed := seeder{db: db, hash: policy.Hash, renewal: policy.Renewal, now: d.now()}
	if err := seed.people(ctx, people()); err != nil {
		return err
	}
	if d.people > 0 {
		if err := seed.generate(ctx, d.people, func(done int) { d.progress(done, d.people) }); err != nil {
			return err
		}
		if err := writePeople(filepath.Join(d.data, "people.csv"), d.people); err != nil {
			return err
		}
	}
	own, err := metadata(apps, s.Clients)
	if err != nil {
		return err
	}
	if err := register(ctx, db, own, d.issuer, d.now()); err != nil || d.clients == "" {
		return err
	}
	more, err := os.ReadFile(d.clients)
	if err != nil {
		return fmt.Errorf("-clients: %w", err)
	}
	if err := register(ctx, db, more, d.issuer, d.now()); err != nil {
		return fmt.Errorf("-clients %s: %w", d.clients, err)
	}
	return nil
}

// register applies an applications file: all of it or nothing.
func register(ctx context.Context, db *storage.DB, file []byte, issuer string, now time.Time) error {
	registrations, err := provider.ParseClients(file)
	if err != nil {
		return err
	}
	return db.InTx(ctx, func(tx *storage.Tx) error {
		return provider.ApplyClients(ctx, tx, registrations, issuer, now)
	})
}

// serve serves until ctx is done, then lets requests in flight end.
func (d *demo) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sites := []http.Handler{}
	for _, app := range d.apps {
		sites = append(sites, app)
	}
	sites = append(sites, d.mailbox)
	done := make(chan error)
	// Mail is taken for as long as the provider may be handing one over.
	mail, endMail := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		err := d.server.Run(ctx, d.listeners[0], d.listeners[len(d.listeners)-1])
		endMail()
		done <- err
	}()
	go func() { done <- d.mailbox.Receive(mail, d.smtp) }()
	for i, site := range sites {
		go func() { done <- d.serveSite(ctx, d.listeners[i+1], site) }()
	}
	var errs []error
	for range len(sites) + 2 {
		errs = append(errs, <-done)
		cancel() // one that fails ends the others
	}
	return errors.Join(errs...)
}

func (d *demo) serveSite(ctx context.Context, l net.Listener, site http.Handler) error {
	s := &http.Server{
		Handler: site, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("%s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.Shutdown(end)
}

// close releases what prepare took; a temporary folder is removed.
func (d *demo) close() error {
	var errs []error
	for _, l := range append(slices.Clone(d.listeners), d.smtp) {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	if d.temporary && d.data != "" {
		errs = append(errs, os.RemoveAll(d.data)) //nolint:gosec // folder made it, and nobody named it
	}
	return errors.Join(errs...)
}
