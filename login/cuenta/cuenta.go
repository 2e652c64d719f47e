package cuenta

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/contact"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Config is what the pages need beside login. Zero fields get the defaults named.
type Config struct {
	Contacts *contact.Server // changes of address: those that wait for 72 hours (D18)
	Registry Registry        // the tables that were imported
}

// Registry is where work histories are looked up.
type Registry interface {
	Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error)
}

// Server is the pages of this package.
type Server struct {
	*login.Server
	Contacts *contact.Server

	cfg Config
}

// New returns the pages that go with s.
func New(s *login.Server, cfg Config) *Server {
	if cfg.Contacts == nil {
		cfg.Contacts = contact.New(s)
	}
	if cfg.Registry == nil {
		cfg.Registry = s.DB
	}
	return &Server{s, cfg.Contacts, cfg}
}

// guard is what an address wants of whoever comes.
type guard int

const (
	show   guard = iota // GET: a session
	act                 // POST: a session
	change              // POST: and a proof of the last five minutes (ASVS 7.5.1)
	strong              // POST: by a second factor where she has one
)

// route is one address of Mi cuenta.
type route struct {
	guard guard
	path  string
	page  page
}

func (s *Server) routes() []route {
	return slices.Concat([]route{
		{show, login.PageAccount, s.getAccount},
		{show, "/cuenta/datos", s.getDatos},
		{act, "/cuenta/idioma", s.postIdioma},
		{show, "/cuenta/clave", s.getClave},
		{change, "/cuenta/clave/dia", s.postDia},
		{show, pageContact, s.getContact},
		{change, pageAddress, s.postAddress},
		{change, pageAddress + "/enviar", s.postResend},
		{change, pageAddress + "/codigo", s.postCode},
		{change, pageAddress + "/quitar", s.postRemove},
		{change, pageAddress + "/principal", s.postPromote},
		{act, pageAddress + "/cancelar", s.postStay},
		{show, login.PageAddress, s.getProof},
		{change, pageAddress + "/confirmar", s.postProof},
		{change, pageOfNumbers, s.postNumbers},
		{show, pageQuestions, s.getQuestions},
		{change, pageQuestions + "/cambiar", s.postQuestions},
		{change, pageQuestions + "/imagen", s.postImage},
		{show, pageSessions, s.getSessions},
		{change, pageSessions + "/cerrar", s.postEndSession},
		{change, "/cuenta/equipos/olvidar", s.postForget},
		{act, "/cuenta/equipos/compartido", s.postShared},
		{change, "/cuenta/equipos/propio", s.postOwn},
		{show, pageActivity, s.getActivity},
		{act, pageActivity + "/no-fui-yo", s.postNotMe},
		{show, pageApplications, s.getApplications},
		{change, pageApplications + "/cerrar", s.postClose},
		{show, pageMyData, s.getMyData},
		{strong, pageMyData + "/pdf", s.postPDF},
		{strong, pageMyData + "/json", s.postJSON},
		{show, pageRights, s.getRights},
		{change, pageRights + "/pedir", s.postRights},
		{change, pageRights + "/cancelar", s.postCancelRight},
		{show, pageStep, s.getStep},
		{strong, pageStep + "/configurar", s.postBegin},
		{strong, pageStep + "/activar", s.postBind},
		{change, pageStep + "/quitar", s.postEnd},
		{act, pageStep + "/conservar", s.postKeep},
		{change, pageStep + "/siempre", s.postAlways},
		{strong, pageStep + "/no-siempre", s.postOff},
		{show, pageCodes, s.getCodes},
		{strong, pageCodes + "/nuevos", s.postCodes},
		{act, pageCodes + "/descargar", s.postDownload},
	}, s.keyRoutes())
}

// Routes mounts the pages on r.
func (s *Server) Routes(r *mux.Router) {
	for _, one := range s.routes() {
		s.mount(r, one)
	}
}

func (s *Server) mount(r *mux.Router, one route) {
	methods := []string{http.MethodPost}
	if one.guard == show {
		methods = []string{http.MethodGet, http.MethodHead}
	}
	r.Handle(one.path, s.Handle(s.guarded(one))).Methods(methods...)
}

// visit is a person at a page of her own.
type visit struct {
	*login.Visit
	session  *storage.Session
	afiliado *storage.Afiliado
}

// page is the handler of an address whose guard was content.
type page func(w http.ResponseWriter, r *http.Request, v *visit) error

// mark names the person in the forms of her pages (templates.Own).
func (v *visit) mark() string { return login.Mark(v.afiliado.ID) }

// own is what each page of hers begins with.
func (s *Server) own(r *http.Request, v *visit) templates.Own {
	layout := s.Layout(r, v.Visit)
	layout.SignedIn, layout.Countdown = true, s.Countdown(v.session, v.Now)
	return templates.Own{Layout: layout, Session: v.mark(), Name: v.afiliado.GivenName}
}

// visit finds out who comes; nil for nobody, who has to sign in.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	seen, err := s.OwnVisit(w, r)
	if err != nil {
		return nil, err
	}
	v := &visit{Visit: seen}
	v.session, err = s.Session(r.Context(), r)
	if errors.Is(err, storage.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	if v.afiliado, err = s.DB.Afiliado(r.Context(), v.session.AfiliadoID); err != nil {
		return nil, err
	}
	return v, s.Touch(r.Context(), v.session, v.Now)
}

// guarded serves the address to whom its guard lets.
func (s *Server) guarded(one route) login.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.visit(w, r)
		if err != nil {
			return err
		}
		if one.guard == show {
			if v.session == nil {
				return s.SignInFirst(w, r, one.path)
			}
			s.Arrived(w, r)
			return one.page(w, r, v)
		}
		if v.session != nil && v.ShownFor() != v.mark() { // what somebody else meant is not done to her
			return s.toDone(w, r, v, login.PageAccount, doneForAnother)
		}
		passed, err := s.passes(r, one.guard, v)
		if err != nil {
			return err
		}
		if passed {
			return one.page(w, r, v)
		}
		return s.confirm(w, r, one, v)
	}
}

// passes reports whether the guard is content with the proof that the session has.
func (s *Server) passes(r *http.Request, g guard, v *visit) (bool, error) {
	switch {
	case v.session == nil:
		return false, nil
	case g == act || v.FreshBySecond(v.session):
		return true, nil
	case g == strong:
		f, err := s.DB.Factors(r.Context(), v.afiliado.ID, v.Now)
		return err == nil && !f.Any() && v.Fresh(v.session), err
	default:
		return v.Fresh(v.session), nil
	}
}
