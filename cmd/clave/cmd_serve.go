package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func (c *commands) serve() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the provider until SIGTERM or Ctrl-C; a second one stops at once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.serveUntil(cmd.Context())
		},
	}
}

// untilSignal returns a context that the first signal ends. The second one ends
// the program where it stands: whoever sends it has waited long enough.
func (c *commands) untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-signals:
			case <-parent.Done():
				return
			}
			if n > 0 {
				say(c.stderr, "clave: stopped at once; what was in flight was cut off\n")
				c.exit(exitFailed)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

func (c *commands) serveUntil(ctx context.Context) error {
	cfg, err := c.loadServing()
	if err != nil {
		return err
	}
	log := newLog(c.stderr, cfg.Log.Level)
	slog.SetDefault(log) // for libraries that know no other
	sc, err := cfg.server(c.program, log)
	if err != nil {
		return err
	}
	s, err := server.New(ctx, sc)
	if errors.Is(err, storage.ErrSchema) {
		return c.older(err)
	}
	if err != nil {
		return fmt.Errorf("%s", withoutPassword(err, cfg.Database.URL))
	}
	c.serving = true
	return errors.Join(c.serveOn(ctx, cfg, s, log), s.Close())
}

// serveOn opens the listeners and serves on them.
func (c *commands) serveOn(ctx context.Context, cfg *config, s *server.Server, log *slog.Logger) error {
	public, err := c.listen(ctx, cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w; free the address, or change listen in %s", err, c.configFile)
	}
	internal, err := c.listen(ctx, cfg.Internal)
	if err != nil {
		return errors.Join(fmt.Errorf("%w; free the address, or change internal.listen in %s", err, c.configFile), public.Close())
	}
	log.Info("serving", "issuer", cfg.Issuer.String(), "listen", public.Addr().String(), "internal", internal.Addr().String(),
		"version", buildVersion())
	err = s.Run(ctx, public, internal)
	log.Info("stopped")
	return err
}

// newLog writes one JSON object a line.
func newLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked with the configuration
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key == slog.TimeKey:
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		case a.Value.Kind() == slog.KindDuration: // people and machines read milliseconds
			a = slog.Float64(a.Key+"_ms", float64(a.Value.Duration().Microseconds())/1000)
		}
		return a
	}}))
}

// pages is what the configuration says of the texts people meet.
func (c *config) pages() templates.Config {
	p := templates.Config{Issuer: c.Issuer.String(), Phone: c.Contact.Phone}
	p.Attempts, p.Without = c.Login.Attempts, c.without()
	p.Controller.Address, p.Controller.Email = c.Contact.Controller.Address, c.Contact.Controller.Email
	p.Delegate.Address, p.Delegate.Email = c.Contact.Delegate.Address, c.Contact.Delegate.Email
	for _, ch := range c.Contact.Channels {
		p.Channels = append(p.Channels, templates.Channel{Kind: ch.key, URL: ch.value})
	}
	return p
}

// server is the configuration as the assembly takes it.
func (c *config) server(p program, log *slog.Logger) (server.Config, error) {
	sc := server.Config{
		Issuer: c.Issuer.String(), Version: buildVersion(), Storage: c.storage(), Migrate: c.Database.Migrate,
		Proxy: server.Proxy{Trusted: c.Proxy.Trusted, Header: c.Proxy.Header, Certificate: c.Proxy.Certificate}, MTLSOrigin: c.MTLS.Origin,
		Timeouts: server.Timeouts{
			Header: c.HTTP.HeaderTimeout, Body: c.HTTP.BodyTimeout, Write: c.HTTP.WriteTimeout, Idle: c.HTTP.IdleTimeout,
		},
		StopDelay: c.Stop.Delay, StopDeadline: c.Stop.Deadline, AccessLog: c.Log.Access, Profile: c.Profile, AuditPersonal: c.Audit.Personal, Now: p.now, Log: log,
	}
	sc.Mail = c.mail()
	sc.Pages = c.pages()
	sc.Provider.RequestLife, sc.Provider.CodeLife = c.Tokens.Request, c.Tokens.Code
	sc.Provider.AccessLife, sc.Provider.IDTokenLife = c.Tokens.Access, c.Tokens.ID
	sc.Provider.RefreshLife, sc.Provider.KeyCache, sc.Provider.KeyLife = c.Tokens.Refresh, c.Tokens.KeyCache, c.Tokens.KeyLife
	sc.Provider.ClientCAs = c.MTLS.CAs
	sc.Provider.Logouts = c.logouts()
	sc.Provider.ClientKeys = provider.ClientKeysConfig{Networks: c.Logout.Networks, Roots: c.Logout.Roots, Timeout: c.Logout.Timeout}
	sc.Hash = login.HashConfig{
		Memory: c.Hash.Memory, Passes: c.Hash.Passes, Lanes: c.Hash.Lanes, Slots: c.Hash.Slots, Queue: c.Hash.Queue, Wait: c.Hash.Wait,
	}
	sc.Login.Policy = login.Policy{
		Min: c.Clave.Min, Max: c.Clave.Max, Mixed: c.Clave.Mixed, Symbols: c.Clave.Symbols, Spanish: c.Clave.Spanish,
	}
	sc.Login.History, sc.Login.Lockout = c.Clave.History, c.lockout()
	sc.Login.Renewal, sc.Login.Alarm = c.renewal(), c.alarm()
	sc.Login.UnlockLife, sc.Login.UnlockWindow, sc.Login.UnlockLimit = c.Unlock.Life, c.Unlock.Window, c.Unlock.Limit
	sc.Login.UnlockAnyone, sc.Login.NewDeviceWait = !c.Unlock.Fingerprint, c.Notices.NewDeviceWait
	sc.Login.ContactWait = c.Recovery.ContactWait
	sc.Recovery = c.recovery()
	sc.Login.Idle, sc.Login.Absolute, sc.Login.DeviceLife = c.Login.Idle, c.Login.Absolute, c.Login.Device
	sc.Login.SharedIdle, sc.Login.SharedAbsolute = c.Login.Shared.Idle, c.Login.Shared.Absolute
	var err error
	if sc.Audit, err = note.NewSigner(c.Audit.Key); err != nil {
		return server.Config{}, fmt.Errorf("audit.key_file: %w", err)
	}
	if c.TLS.Cert != "" {
		pair, err := newKeyPair(c.TLS.Cert, c.TLS.Key, p.now, log)
		if err != nil {
			return server.Config{}, fmt.Errorf("tls.cert_file: %w", err)
		}
		sc.TLS = tlsConfig(pair)
	}
	return sc, nil
}
