package cuenta_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const applications = "/cuenta/aplicaciones"

// uses gives an application of a person's a permission, a session and a grant.
func (s *site) uses(who storage.Afiliado, client, scope string) storage.Grant {
	s.T.Helper()
	ctx, now := s.T.Context(), storage.At(s.Time())
	kind := "consent"
	if client == "historia" {
		kind = "notice"
	}
	g := storage.Grant{
		ID: storage.NewID(), ClientID: client, AfiliadoID: who.ID, SessionID: storage.NewID(), Scope: scope, CreatedAt: now,
		ExpiresAt: storage.At(s.Time().Add(24 * time.Hour)),
	}
	s.In(func(tx *storage.Tx) error {
		err := tx.AddSession(ctx, storage.Session{
			ID: g.SessionID, SecretHash: storage.NewSecret(), AfiliadoID: who.ID, AuthAt: now, SeenAt: now, CreatedAt: now, ExpiresAt: g.ExpiresAt,
			UserAgent: "Mozilla/5.0 (Linux; Android 15) Chrome/140.0",
		})
		if err == nil {
			g.SID, err = tx.JoinSession(ctx, g.SessionID, client, s.Time())
		}
		return errors.Join(err, tx.SaveConsent(ctx, storage.Consent{AfiliadoID: who.ID, ClientID: client, Kind: kind, Scope: scope, CreatedAt: now}), tx.AddGrant(ctx, g))
	})
	return g
}

func (s *site) live(g storage.Grant) bool {
	s.T.Helper()
	all, err := s.DB.Accesses(s.T.Context(), g.AfiliadoID, s.Time(), s.Time().Add(-time.Hour))
	if err != nil {
		s.T.Fatal(err)
	}
	return slices.ContainsFunc(all, func(a storage.Access) bool { return a.ClientID == g.ClientID && a.SessionID == g.SessionID })
}

// others registers an application that is not of the IESS.
func (s *site) others() {
	storagetest.AddClient(s.T, s.DB, "biess", "", storage.ClientMetadata{
		ClientName: "BIESS <Hipotecarios>", ClientURI: "https://biess.example/", BackchannelLogoutURI: "https://biess.example/fin",
		Events: storage.SecurityEvents(), EventsURI: "https://biess.example/eventos",
	})
}

// LAW-02: a person sees what each application may receive, exactly what it has
// received and when, and where it is open.
func TestLAW02_LAW03_PersonSeesWhatApplicationsReceived(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.WantText(b.Get(applications), "Todavía no ha ingresado a ninguna aplicación")
		s.others()
		s.uses(s.maria, "biess", "openid email offline_access")
		s.uses(s.luis, "historia", "openid cedula")
		first := time.Date(2026, 3, 1, 15, 4, 0, 0, time.UTC)
		s.In(func(tx *storage.Tx) error {
			rows := []storage.Disclosure{
				{AfiliadoID: s.maria.ID, ClientID: "biess", Claims: "email email_verified", FirstAt: storage.At(first), LastAt: storage.At(s.Time())},
				{AfiliadoID: s.maria.ID, ClientID: "ida", Claims: "cedula", FirstAt: storage.At(first), LastAt: storage.At(first)},
				{AfiliadoID: s.luis.ID, ClientID: "historia", Claims: "birthdate", FirstAt: storage.At(first), LastAt: storage.At(first)},
			}
			return tx.AddDisclosures(t.Context(), rows)
		})
		page := b.Get(applications)
		s.WantText(page, "BIESS &lt;Hipotecarios&gt;", "biess.example", "Con su permiso", "Usted le dio permiso el 22 de noviembre de 2026",
			"Recibe su correo", "sin que usted esté", "<dt>Correo electrónico</dt><dd>Desde el 1 de marzo de 2026. La última vez, el 22 de noviembre de 2026",
			"email, email_verified", "Chrome · Android", "Retirar permiso",
			"ida", "<dt>Cédula o código</dt><dd>El 1 de marzo de 2026")
		for _, foreign := range []string{"Historia Laboral", "Fecha de nacimiento"} {
			if strings.Contains(page.Main(), foreign) {
				t.Errorf("her page shows %q of somebody else", foreign)
			}
		}
	})
}

// LAW-02: what she allowed she takes back as easily: everything that the application
// could use ends, she is told, and it has to ask anew. Nobody else's ends.
func TestLAW02_PersonWithdrawsPermission(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.others()
		b, other := s.enter(s.maria), s.enter(s.luis)
		hers, his, own := s.uses(s.maria, "biess", "openid email"), s.uses(s.luis, "biess", "openid email"), s.uses(s.maria, "historia", "openid")
		form := []string{"sesion", mark(s.maria), "aplicacion", "biess"}

		// Somebody else can name the application, and closes only his own.
		s.Want(other.Post(applications+"/cerrar", "sesion", mark(s.maria), "aplicacion", "biess"), http.StatusSeeOther, "/cuenta")
		if !s.live(hers) || !s.live(his) {
			t.Fatal("a form of somebody else's page closed something")
		}
		got := b.Post(applications+"/cerrar", form...)
		s.Want(got, http.StatusSeeOther, applications)
		s.WantText(b.Get(got.Location), "Retiró el permiso de BIESS &lt;Hipotecarios&gt;", "Permiso retirado")
		if s.live(hers) || !s.live(his) || !s.live(own) {
			t.Errorf("hers lives: %v, his: %v, her own of another: %v", s.live(hers), s.live(his), s.live(own))
		}
		standing, err := s.DB.Standing(t.Context(), s.maria.ID, "biess", s.Time())
		if err != nil || standing.Consent != nil {
			t.Errorf("it need not ask anew: %v, %v", standing.Consent, err)
		}
		s.Want(b.Get("/authorize?client_id=biess&scope=openid+email"), http.StatusSeeOther, "/autorizar")
		told, err := s.DB.ClientDeliveries(t.Context(), "biess", 10)
		if err != nil || len(told) != 2 || told[0].SID != hers.SID || told[1].SID != hers.SID {
			t.Errorf("it is told %v, %v; want a logout and an event of her session", told, err)
		}
		if got, want := s.templatesOf(s.maria), []string{string(templates.PermissionWithdrawn)}; !slices.Equal(got, want) {
			t.Fatalf("got mails %q, want %q", got, want)
		}
		mails := s.Mails(s.maria.ID)
		var m templates.MailData
		if err := json.Unmarshal(mails[len(mails)-1].Data, &m); err != nil || m.Application != "BIESS <Hipotecarios>" || mails[len(mails)-1].LinkID == "" {
			t.Errorf("got %+v, %v, with a way to object %q", m, err, mails[len(mails)-1].LinkID)
		}
		s.Pass(10 * time.Second)
		s.WantText(b.Get(b.Post(applications+"/cerrar", form...).Location), "No había nada que cerrar")
		s.WantText(b.Get(b.Post(applications+"/cerrar", "sesion", mark(s.maria), "aplicacion", "nada").Location), "No había nada que cerrar")
		if n := s.Events(login.EventConsentWithdrawn); n != 1 {
			t.Errorf("got %d audit rows, want 1", n)
		}
	})
}

// Applications of the IESS receive by law: closing one ends its sessions and tokens,
// and says that the legal basis stays.
func TestLAW01_ClosingAnOwnApplicationLeavesTheLegalBasis(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		g := s.uses(s.maria, "historia", "openid profile")
		s.WantText(b.Get(applications), "Del IESS", "La ley le permite recibir sus datos", "Cerrar acceso")
		got := b.Post(applications+"/cerrar", "sesion", mark(s.maria), "aplicacion", "historia")
		s.WantText(b.Get(got.Location), "Cerró el acceso de Historia Laboral", "La base legal no cambia")
		if s.live(g) {
			t.Error("its tokens and sessions live on")
		}
		standing, err := s.DB.Standing(t.Context(), s.maria.ID, "historia", s.Time())
		if err != nil || standing.Consent == nil {
			t.Errorf("the notice was taken for a consent: %v, %v", standing.Consent, err)
		}
		if got, want := s.templatesOf(s.maria), []string{string(templates.AccessClosed)}; !slices.Equal(got, want) {
			t.Errorf("got mails %q, want %q", got, want)
		}
	})
}
