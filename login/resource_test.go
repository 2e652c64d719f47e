package login_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	apiHistoria  = "urn:iess:api:historia"
	apiPlanillas = "https://api.iess.example/planillas"
)

// serves registers the two resource servers of these tests.
func (s *site) serves() {
	s.T.Helper()
	for id, m := range map[string]storage.ClientMetadata{
		"api": {ClientName: "Historia Laboral (API)", ResourceServer: apiHistoria}, "api2": {ClientName: "Planillas", ResourceServer: apiPlanillas},
	} {
		storagetest.AddClient(s.T, s.DB, id, "", m)
	}
	s.Pass(time.Second)
}

// granted are the resource servers stored with the code that an answer brings.
func (s *site) granted(a answer) []string {
	s.T.Helper()
	q, err := s.DB.AuthRequestByCode(s.T.Context(), storage.Hash(a.Param("code")))
	if err != nil {
		s.T.Fatalf("%q: %v", a.Location, err)
	}
	return q.Params.Resources
}

// A third party gets tokens for other services in her name only where she ticked
// each of them, whatever else she allowed (RFC 8707 section 3, LOPDP art. 8).
func TestRFC8707_3_ASVS_10_7_1_AServiceIsUsedOnlyWhereSheTicksIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.application("biess", false, "openid profile email")
		s.serves()
		b := s.browser()
		ask := func(more ...string) answer {
			return b.Get("/authorize?client_id=biess&scope=openid+profile&" + strings.Join(more, "&"))
		}
		in := b.ask("biess", "openid profile")
		b.signIn(in.Param("id"), cedula, clave)
		plain := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "autorizar": {"1"}})
		s.Want(plain, http.StatusSeeOther, "https://biess.example/cb")

		both := "resource=" + apiHistoria + "&resource=" + apiPlanillas + "&resource=" + s.Issuer
		if none := ask(both, "prompt=none"); none.Param("error") != "consent_required" {
			t.Errorf("prompt=none without her word: %q", none.Location)
		}
		in = ask(both)
		s.Want(in, http.StatusSeeOther, "/autorizar")
		page := b.Get("/autorizar?id=" + in.Param("id")).Body
		for _, line := range []string{"Que App biess use en mi nombre: <b>Historia Laboral (API)</b>", "Que App biess use en mi nombre: <b>Planillas</b>"} {
			if !strings.Contains(page, line) {
				t.Errorf("the page does not say %q", line)
			}
		}
		if n := strings.Count(page, `name="opcional"`); n != 2 {
			t.Errorf("%d boxes, want one for each service", n)
		}
		some := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "autorizar": {"1"}, "opcional": {storage.ResourceMark + apiPlanillas}})
		s.Want(some, http.StatusSeeOther, "https://biess.example/cb")
		if got := s.granted(some); !slices.Equal(got, []string{apiPlanillas, s.Issuer}) {
			t.Errorf("granted %q, want what she ticked and the issuer", got)
		}
		s.Pass(time.Second)
		if again := ask(both, "prompt=none"); !slices.Equal(s.granted(again), []string{apiPlanillas, s.Issuer}) {
			t.Errorf("not remembered: %q", s.granted(again))
		}
		if less := ask("resource=" + apiHistoria); len(s.granted(less)) != 0 {
			t.Errorf("granted %q, which she left out", s.granted(less))
		}
		s.Want(ask(both, "prompt=consent"), http.StatusSeeOther, "/autorizar")
		if got := s.granted(ask("resource=" + s.Issuer)); !slices.Equal(got, []string{s.Issuer}) {
			t.Errorf("our own userinfo: granted %q", got)
		}
	})
}

// An application of the IESS says which services it uses in her name, once for each,
// before it gets a token for it.
func TestRFC8707_3_ASVS_10_7_2_NoticeNamesTheServices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.person(cedula, clave)
		s.serves()
		b := s.browser()
		if page := b.Get(b.Get("/authorize?resource=" + apiHistoria).Location).Body; !strings.Contains(page, "Quiere usar además otros servicios en su nombre") {
			t.Error("before the first field she is not told that there are services")
		}
		in := b.Get("/authorize")
		b.signIn(in.Param("id"), cedula, clave)
		s.Want(b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}}), http.StatusSeeOther, "https://historia.example/cb")
		one := "/authorize?resource=" + apiHistoria
		if none := b.Get(one + "&prompt=none"); none.Param("error") != "interaction_required" {
			t.Errorf("prompt=none before she was told: %q", none.Location)
		}
		in = b.Get(one)
		s.Want(in, http.StatusSeeOther, "/autorizar")
		if page := b.Get("/autorizar?id=" + in.Param("id")).Body; !strings.Contains(page, "App historia podrá usar en su nombre: <b>Historia Laboral (API)</b>") {
			t.Error("the notice does not name the service")
		}
		done := b.PostForm("/autorizar", map[string][]string{"id": {in.Param("id")}, "continuar": {"1"}})
		if got := s.granted(done); !slices.Equal(got, []string{apiHistoria}) {
			t.Errorf("granted %q", got)
		}
		if again := b.Get(one + "&prompt=none"); !slices.Equal(s.granted(again), []string{apiHistoria}) {
			t.Errorf("told twice: %q", again.Location)
		}
		s.Want(b.Get(one+"&resource="+apiPlanillas), http.StatusSeeOther, "/autorizar")
		s.Want(b.Get("/authorize?prompt=none&resource="+s.Issuer), http.StatusSeeOther, "https://historia.example/cb")
	})
}
