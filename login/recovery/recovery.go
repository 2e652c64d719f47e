package recovery

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/contact"
	"iess.gob.ec/clave/storage"
)

// Registry is where people and their work history are looked up (FT-24). Errors
// wrap storage.ErrNotFound where there is nobody; any other means that it cannot
// be asked now. *storage.DB is one, of the tables that were imported.
type Registry interface {
	AfiliadoByIdentifier(ctx context.Context, id storage.Identifier) (*storage.Afiliado, error)
	// Historia is empty for the id "", which is asked for nobody's identifier. For
	// each set of questions it is asked twice, and once of somebody.
	Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error)
	// Donors and Peers are other people's histories and employers, which questions
	// for nobody and wrong options are drawn from.
	Donors(ctx context.Context, start string, people int) ([]storage.Historia, error)
	Peers(ctx context.Context, province, sector string, year int, start string, limit int) ([]storage.Historia, error)
}

var _ Registry = (*storage.DB)(nil)

// Config is what may be set of the way. Zero fields get the defaults named.
type Config struct {
	Registry   Registry      // the tables that were imported
	Attempts   int           // 5 (S030, D01)
	WizardOnly bool          // spent attempts close this way only, and do not lock the clave
	LinkLife   time.Duration // of the link, from its hand-over: 15 minutes (S034)
	Window     time.Duration // in which a form opened by it is sent: 15 minutes (S039)
	CaseLife   time.Duration // 1 hour
	Networks   Networks      // of hosting companies and anonymisers
}

// Server is the pages of this package. It is safe for concurrent use.
type Server struct {
	*login.Server
	Contacts *contact.Server // changes of address, and their pages

	cfg   Config
	shown *shown
}

// New returns the pages that go with s.
func New(s *login.Server, cfg Config) (*Server, error) {
	if cfg.Registry == nil {
		cfg.Registry = s.DB
	}
	cfg.Attempts = cmp.Or(cfg.Attempts, 5)
	if cfg.Attempts < 1 || cfg.Attempts > 10 { // each is one of few options guessed
		return nil, errors.New("recovery: there are 1 to 10 attempts")
	}
	for to, value := range map[*time.Duration]time.Duration{
		&cfg.LinkLife: 15 * time.Minute, &cfg.Window: 15 * time.Minute, &cfg.CaseLife: time.Hour,
	} {
		if *to <= 0 {
			*to = value
		}
	}
	return &Server{s, contact.New(s), cfg, newShown()}, nil
}

// Audit events.
const (
	eventStarted   = "recovery.started"   // a case, whoever the identifier belongs to
	eventDenied    = "recovery.denied"    // wrong answers, or no attempt left
	eventAsked     = "recovery.asked"     // a link was put into the outbox; detail: case
	eventCapped    = "recovery.capped"    // too many lately: nothing was sent; detail: case
	eventExtra     = "recovery.extra"     // a passkey or a saved code beside the link (DEV-7); detail: case, by, right
	eventElsewhere = "recovery.elsewhere" // the link was opened in another browser; detail: right
)

const (
	pathStart = "/generar-recuperar"
	pathSent  = "/generar-recuperar/enviado"
	pathDone  = "/generar-recuperar/listo"
)

// Routes mounts the pages on r.
func (s *Server) Routes(r *mux.Router) {
	get := func(path string, h login.Handler) {
		r.Handle(path, s.Handle(h)).Methods(http.MethodGet, http.MethodHead)
	}
	post := func(path string, h login.Handler) { r.Handle(path, s.Handle(h)).Methods(http.MethodPost) }
	get(pathStart, s.getCase)
	post(pathStart, s.postCase)
	get(pathSent, s.getSent)
	post("/generar-recuperar/reenviar", s.postResend)
	get(login.PageNewClave, s.getClave)
	post(login.PageNewClave, s.postClave)
	if s.Passkeys != nil {
		post(pathOptions, s.postExtraOptions)
	}
	get(pathDone, s.getDone)
	s.Contacts.Routes(r)
}
