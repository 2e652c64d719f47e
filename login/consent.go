package login

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// fieldOptional is the box of a scope, or of a resource server, that a consent may
// leave out; it may come several times.
const fieldOptional = "opcional"

// optional is what a third party's person may leave out, and asked with it: the scope
// of asked, itself or one of its claims alone, where it serves to reach her, not to
// know who she is (LOPDP art. 8), and each resource server, by its mark. Of
// everything else it is "".
func optional(asked string) string {
	if strings.HasPrefix(asked, storage.ResourceMark) {
		return asked
	}
	if claim, alone := strings.CutPrefix(asked, storage.ClaimMark); alone {
		asked = storage.ClaimScope(claim)
	}
	if asked != "email" && asked != "phone" {
		return ""
	}
	return asked
}

// getConsent is GET /autorizar: the notice of an application of the IESS or the
// consent for another, with the person's own values.
func (s *Server) getConsent(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	if v.Request == nil {
		return s.Redirect(w, r, "/")
	}
	found, err := s.liveSession(r.Context(), s.DB, r, v.Now)
	if err != nil {
		return err
	}
	p, err := s.progress(r.Context(), s.DB, v, found)
	if err != nil {
		return err
	}
	if step := Next(p); step != StepNotice && step != StepConsent { // it is another page's turn
		return s.Redirect(w, r, v.Elsewhere())
	}
	return s.showConsent(w, r, v, found)
}

// showConsent shows the page with the values of the session's person.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, v *Visit, found *storage.Session) error {
	a, err := s.DB.Afiliado(r.Context(), found.AfiliadoID)
	if err != nil {
		return err
	}
	c, err := claveOf(r.Context(), s.DB, found.AfiliadoID)
	if err != nil {
		return err
	}
	apis, err := s.apis(r.Context(), strings.Fields(v.Request.Scope))
	if err != nil {
		return err
	}
	return s.Show(w, v, http.StatusOK, s.consentPage(r, v, a, s.Renewal.times(c, v.Now), apis, found))
}

func (s *Server) consentPage(
	r *http.Request, v *Visit, a *storage.Afiliado, times storage.ClaveTimes, apis []templates.API, found *storage.Session,
) templates.Page {
	layout := s.Layout(r, v)
	layout.SignedIn, layout.Countdown = true, s.Countdown(found, v.Now)
	mark := Mark(found.ID)
	asked := strings.Fields(v.Request.Scope)
	offline := slices.Contains(asked, storage.ScopeOffline)
	if v.Client.Metadata.FirstParty {
		return templates.Notice{Layout: layout, Goal: *v.Goal(), Given: a.GivenName, Data: data(a, times, asked), APIs: apis, Offline: offline, Session: mark}
	}
	page := templates.Consent{Layout: layout, Goal: *v.Goal(), Given: a.GivenName, APIs: apis, Offline: offline, Session: mark}
	for _, scope := range storage.PersonScopes() {
		of := slices.DeleteFunc(slices.Clone(asked), func(one string) bool { return optional(one) != scope })
		if len(of) > 0 {
			page.Optional = append(page.Optional, templates.Option{Scope: scope, Data: data(a, times, of)})
		}
	}
	page.Data = data(a, times, slices.DeleteFunc(asked, func(one string) bool { return optional(one) != "" }))
	return page
}

// data is what scopes hand out about a and her clave, as pages show it.
func data(a *storage.Afiliado, times storage.ClaveTimes, scopes []string) []templates.Datum {
	var out []templates.Datum
	for _, c := range storage.ScopeClaims(*a, times, scopes) {
		out = append(out, templates.Datum{Claim: c.Name, Values: c.Values})
	}
	return out
}

// postConsent is POST /autorizar: the person goes on, allows or cancels. What
// was shown to somebody else is shown anew, whether or not it is due: nobody goes
// on as another than the page named.
func (s *Server) postConsent(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	if v.Request == nil || v.Form.Has("cancelar") {
		return s.Cancel(w, r, v)
	}
	return s.effect(w, r, v, func(ctx context.Context, tx *storage.Tx) (http.Handler, error) {
		found, err := s.liveSession(ctx, tx, r, v.Now)
		if err != nil {
			return nil, err
		}
		if v.Swapped(found) {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := s.showConsent(w, r, v, found); err != nil {
					s.fail(w, r, err)
				}
			}), nil
		}
		p, err := s.progress(ctx, tx, v, found)
		if err != nil {
			return nil, err
		}
		if step := Next(p); step == StepNotice && v.Form.Has("continuar") || step == StepConsent && v.Form.Has("autorizar") {
			if err := s.allow(ctx, tx, r, v, p); err != nil {
				return nil, err
			}
		}
		return s.advance(ctx, tx, v, found)
	})
}

// allow writes down what the person was told or allowed. What she allowed the
// application before, and was not asked now, stays.
func (s *Server) allow(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p Progress) error {
	asked := strings.Fields(v.Request.Scope)
	c := storage.Consent{AfiliadoID: p.Session.AfiliadoID, ClientID: v.Client.ID, Kind: kindNotice, CreatedAt: storage.At(v.Now)}
	event := v.Event(r, eventNoticeGiven, c.AfiliadoID)
	allowed := asked
	if !p.FirstParty {
		c.Kind, event.Name = kindConsent, eventConsentGiven
		ticked := v.Form[fieldOptional]
		allowed = slices.DeleteFunc(slices.Clone(asked), func(one string) bool {
			scope := optional(one)
			return scope != "" && !slices.Contains(ticked, scope)
		})
	}
	event.Detail = map[string]string{"scope": strings.Join(allowed, " ")}
	before := slices.Clone(asked)
	if old := p.Consent; old != nil && (p.FirstParty || old.Kind == kindConsent) {
		before = append(before, strings.Fields(old.Asked)...)
		for _, scope := range strings.Fields(old.Scope) {
			if before = append(before, scope); !slices.Contains(asked, scope) {
				allowed = append(slices.Clone(allowed), scope)
			}
		}
	}
	slices.Sort(before)
	c.Scope, c.Asked = strings.Join(allowed, " "), strings.Join(slices.Compact(before), " ")
	if err := tx.SaveConsent(ctx, c); err != nil {
		return err
	}
	return tx.Audit(ctx, event)
}

// getAcuerdo is GET /acuerdo/{version}.
func (s *Server) getAcuerdo(w http.ResponseWriter, r *http.Request) error {
	version, ok := strings.CutPrefix(r.URL.Path, "/acuerdo/")
	agreement, known := s.Pages.AgreementVersion(version)
	if !ok || !known {
		return &failure{kind: templates.KindNotFound}
	}
	return s.info(func(l templates.Layout) templates.Page { return templates.Acuerdo{Layout: l, Agreement: agreement} })(w, r)
}

// getDeclaracion is GET /declaracion/{version}.
func (s *Server) getDeclaracion(w http.ResponseWriter, r *http.Request) error {
	version, ok := strings.CutPrefix(r.URL.Path, "/declaracion/")
	declaration, known := s.Pages.DeclarationVersion(version)
	if !ok || !known {
		return &failure{kind: templates.KindNotFound}
	}
	return s.info(func(l templates.Layout) templates.Page {
		return templates.Declaracion{Layout: l, Declaration: declaration}
	})(w, r)
}

// info is a page that is the same for everybody but for its header.
func (s *Server) info(page func(templates.Layout) templates.Page) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s.keepLanguage(w, r)
		layout := s.Layout(r, nil)
		_, err := s.Session(r.Context(), r)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		layout.SignedIn = err == nil
		return s.Pages.Render(w, http.StatusOK, page(layout))
	}
}
