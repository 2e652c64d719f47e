package clave_test

import (
	"net/http"
	"strings"
	"testing"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// wrongCode is a code that the link does not have.
func (s *site) wrongCode(link *storage.Link) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, s.DB.LinkCode(link.ID))
}

// typeCode types a code as a person does, the challenge answered where it is asked.
func (b *browser) typeCode(code string, more ...string) answer {
	if page := b.Get("/desbloqueo/codigo"); page.Reto() != "" {
		more = append(more, "reto", b.ticketOf(page))
	}
	return b.Post("/desbloqueo/codigo", append([]string{"codigo_mensaje", code}, more...)...)
}

// The code of the mail is an alternative, counted on the link.
func TestS073_TypedCode(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		code := s.DB.LinkCode(link.ID)
		s.WantText(b.Post("/desbloqueo/codigo", "codigo_mensaje", "12"), "codigo_mensaje-error")
		s.Want(b.Post("/desbloqueo/codigo", "codigo_mensaje", code[:4]+" "+code[4:]), http.StatusSeeOther, "/desbloqueo/listo")
		s.WantText(b.Get("/desbloqueo/listo"), unlockedTitle)
	})
	t.Run("elsewhere", func(t *testing.T) {
		each(t, func(t *testing.T, s *site) {
			_, link := locked(s)
			got := s.browser().typeCode(s.DB.LinkCode(link.ID), "identificacion", string(s.who.Identifier))
			s.Want(got, http.StatusSeeOther, "/desbloqueo/listo")
		})
	})
	t.Run("five wrong", func(t *testing.T) {
		each(t, func(t *testing.T, s *site) {
			b, link := locked(s)
			for range 5 {
				s.WantText(b.typeCode(s.wrongCode(link)), "codigo_mensaje-error")
			}
			if got := b.typeCode(s.DB.LinkCode(link.ID)); got.Status != http.StatusOK || s.budget().LockReason == "" {
				t.Errorf("a sixth code counted: %d", got.Status)
			}
			if n := s.Events("unlock.denied"); n != 6 {
				t.Errorf("%d audit rows", n)
			}
		})
	})
}

// T13: after a wrong code the browser that asked for the link answers a challenge
// too, each time anew; nothing but the browser decides that.
func TestT13_AWrongCodeCostsAChallenge(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		bad, code := s.wrongCode(link), s.DB.LinkCode(link.ID)
		if b.Get("/desbloqueo/codigo").Reto() != "" {
			t.Error("a challenge before anything was typed")
		}
		first := b.Post("/desbloqueo/codigo", "codigo_mensaje", bad)
		s.WantText(first, "codigo_mensaje-error", `name="reto"`)
		if strings.Contains(first.Body, `name="identificacion"`) {
			t.Error("asks whose code it is once more")
		}
		for name, form := range map[string][]string{"none": {}, "made up": {"reto", "x"}} {
			got := b.Post("/desbloqueo/codigo", append(form, "codigo_mensaje", code)...)
			if got.Status != http.StatusOK || s.Events("unlock.denied") != 1 {
				t.Errorf("%s: %d, a code was tried without a challenge", name, got.Status)
			}
			s.WantText(got, logintest.Refused)
		}
		reto := b.ticketOf(first)
		short := b.Post("/desbloqueo/codigo", "codigo_mensaje", "12", "reto", reto)
		s.WantText(short, `value="`+reto+`" checked`) // nothing was tried: it still counts
		again := b.Post("/desbloqueo/codigo", "codigo_mensaje", bad, "reto", reto)
		s.WantText(again, "codigo_mensaje-error")
		if strings.Contains(again.Body, reto) {
			t.Error("the page keeps a challenge that is spent")
		}
		s.WantText(b.Post("/desbloqueo/codigo", "codigo_mensaje", code, "reto", reto), logintest.Refused)
		s.Want(b.typeCode(code), http.StatusSeeOther, "/desbloqueo/listo")

		strange := s.browser() // of somebody nobody is: the same
		strange.askUnlock(nobody)
		s.WantText(strange.Post("/desbloqueo/codigo", "codigo_mensaje", bad), "codigo_mensaje-error", `name="reto"`)
		s.WantText(strange.Post("/desbloqueo/codigo", "codigo_mensaje", bad), logintest.Refused)
	})
}

// T13: a stranger who knows the cédula may ask for the link and type codes as long
// as she likes; the link in the person's mail opens all the same.
func TestT13_StrangersUseUpNoLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.lock(storage.LockLogin)
		stranger := s.browser()
		s.Want(stranger.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.Work()
		s.Deliver()
		link := s.linkOf("enlace-desbloqueo")
		for range 7 {
			stranger.typeCode(s.wrongCode(link))
		}
		own := s.browser()
		s.WantText(own.Open(link), elsewhereFld)
		s.Want(own.Post("/desbloqueo/abrir", "ultimos", "9913"), http.StatusSeeOther, "/desbloqueo/listo")
		if s.budget().LockReason != "" {
			t.Error("still locked")
		}
	})
}
