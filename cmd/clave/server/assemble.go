package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/login/cuenta"
	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// assemble connects the parts. login and provider need each other: login is
// made first and learns of provider last.
func (s *Server) assemble(ctx context.Context) error {
	if s.cfg.Migrate {
		if _, err := s.db.Migrate(ctx); err != nil {
			return err
		}
	}
	if err := s.db.CheckSchema(ctx); err != nil {
		return err
	}
	pc := s.cfg.Pages
	pc.Issuer, pc.Logout = s.cfg.Issuer, provider.PathLogout
	var err error
	if s.pages, err = templates.Parse(pc); err != nil {
		return err
	}
	clients := storage.NewClientCache(s.db, s.now)

	lc := s.cfg.Login
	lc.Issuer, lc.DB, lc.Clients, lc.Pages, lc.Now, lc.Log = s.cfg.Issuer, s.db, clients, s.pages, s.now, s.log
	if lc.Hash == nil {
		if lc.Hash, err = login.NewHasher(s.cfg.Hash); err != nil {
			return err
		}
	}
	people, err := login.New(lc)
	if err != nil {
		return err
	}
	s.people, s.language = people, people.Language

	oc := s.cfg.Provider
	oc.Issuer, oc.DB, oc.Clients, oc.Pages, oc.Now, oc.Log = s.cfg.Issuer, s.db, clients, s.pages, s.now, s.log
	oc.Login, oc.Language, oc.ClavesExpire = people, people.Language, people.Renewal.MaxAge > 0
	oc.Logouts.Observe = s.countDeliveries()
	oc.MTLSOrigin, oc.Certificates = s.cfg.MTLSOrigin, s.cfg.Proxy.Certificate != "" || s.cfg.TLS != nil && s.mtls.Host != ""
	protocol, err := provider.New(ctx, oc)
	if err != nil {
		return err
	}
	people.Protocol, s.protocol = protocol, protocol

	claves := clave.New(people)
	recoveries, err := recovery.New(people, s.cfg.Recovery)
	if err != nil {
		return err
	}
	account := cuenta.New(people, cuenta.Config{Contacts: recoveries.Contacts, Registry: s.cfg.Recovery.Registry})
	s.observeHasher(lc.Hash)
	s.observeWatch()
	if err := s.mailWorker(); err != nil {
		return err
	}
	s.metrics.registry.MustRegister(signingKeys{s}, rightsWaiting{s})
	s.jobs = s.jobTable(people, claves, recoveries)
	s.public = s.publicRoutes(protocol.Routes, people.Routes, claves.Routes, recoveries.Routes, account.Routes, s.staticRoutes)
	s.internal = s.internalRoutes()
	return nil
}

func (s *Server) staticRoutes(r *mux.Router) {
	r.PathPrefix("/static/").Handler(s.pages.Static()).Methods(http.MethodGet, http.MethodHead)
}

// jobTable is what is done now and then. Sealing needs no lease of its own:
// storage lets one replica at a time do it, and looks before it writes.
// Errands need none either: each is done by whoever takes it first. Each replica
// watches for itself what fails at all of them, and writes down what it handed out.
func (s *Server) jobTable(people *login.Server, claves *clave.Server, recoveries *recovery.Server) []job {
	return []job{
		{"errands", 500 * time.Millisecond, false, claves.RunErrands},
		{"login.alarm", 5 * time.Second, false, people.WatchFailures},
		{"locks", time.Minute, true, people.EndLocks},
		{"clave.remind", time.Hour, true, claves.RemindDue},
		{"contact.apply", time.Minute, true, recoveries.Contacts.Apply},
		{"keys", s.keysEvery(), true, s.protocol.TendKeys},
		{"audit.seal", 500 * time.Millisecond, false, s.sealAudit},
		{"audit.sign", 24 * time.Hour, true, s.signAudit},
		{"audit.erase", 24 * time.Hour, true, func(ctx context.Context, now time.Time) error {
			_, err := s.db.EraseAuditPersonal(ctx, now.Add(-cmp.Or(s.cfg.AuditPersonal, 90*24*time.Hour)), now, purgeBatch, login.Coarse)
			return err
		}},
		{"disclosures", 2 * time.Second, false, s.protocol.WriteDisclosures},
		{"purge", time.Minute, true, func(ctx context.Context, now time.Time) error {
			_, err := s.db.Purge(ctx, now, purgeBatch)
			return err
		}},
	}
}

// Rows of one transaction: short enough for whoever signs in meanwhile.
const (
	purgeBatch = 500
	sealBatch  = 1000
)

func (s *Server) sealAudit(ctx context.Context, _ time.Time) error {
	for {
		n, err := s.db.SealAudit(ctx, sealBatch)
		if err != nil || n < sealBatch {
			return err
		}
	}
}

func (s *Server) signAudit(ctx context.Context, now time.Time) error {
	if s.cfg.Audit == nil {
		return nil
	}
	head, err := s.db.SignAuditHead(ctx, s.cfg.Audit, now)
	if err == nil && head != "" { // a copy outside the database, where the log goes
		s.log.LogAttrs(ctx, slog.LevelInfo, "audit head signed", slog.String("head", head))
	}
	return err
}

// call runs j and makes an error of a panic: one job must not end the others.
func (s *Server) call(ctx context.Context, j job, now time.Time) error {
	var err error
	func() {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("server: job %s: panic: %v\n%s", j.name, v, debug.Stack())
			}
		}()
		err = j.run(ctx, now)
	}()
	return err
}

// checkKeys reports whether tokens could be signed.
func (s *Server) checkKeys(ctx context.Context) error {
	keys, err := provider.Keys(ctx, s.db)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.State == storage.KeyActive {
			return nil
		}
	}
	return errors.New("server: no key signs")
}

func (s *Server) observeHasher(h *login.Hasher) {
	s.metrics.gauge("clave_hash_slots", "How many claves may be hashed at once.", func() float64 {
		_, slots := h.Slots()
		return float64(slots)
	})
	s.metrics.gauge("clave_hash_slots_in_use", "How many claves are being hashed.", func() float64 {
		used, _ := h.Slots()
		return float64(used)
	})
	s.metrics.counter("clave_hash_refused_total", "Sign-ins answered 503 because no slot became free.", func() float64 {
		return float64(h.Counts().Refused)
	})
	s.metrics.counter("clave_hash_comparisons_total", "Comparisons of claves, those that stand in for a missing one included.", func() float64 {
		return float64(h.Counts().Compared + h.Counts().Wasted)
	})
}

func (s *Server) observeWatch() {
	s.metrics.gauge("clave_login_alarm", "1 while so many sign-ins fail that strangers answer a challenge everywhere.", func() float64 {
		if s.people.Watched().Raised {
			return 1
		}
		return 0
	})
	s.metrics.gauge("clave_login_failures_last_minute", "Sign-ins that failed in the last minute, at all replicas.", func() float64 {
		return float64(s.people.Watched().Recent)
	})
	s.metrics.gauge("clave_login_failures_baseline", "Failures of a usual minute: the median of the last 24 hours, or that of before the alarm.", func() float64 {
		return float64(s.people.Watched().Usual)
	})
}
