package clave_test

import (
	"net/http"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// wrongCode is a code that the link does not have.
func (s *site) wrongCode(link *storage.Link) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, s.DB.LinkCode(link.ID))
}

// typeCode types a code as a person does, the challenge answered where it is asked.
func (b *browser) typeCode(code string, more ...string) answer {
	if page := b.get("/desbloqueo/codigo"); ticket.MatchString(page.body) {
		more = append(more, "reto", b.ticketOf(page))
	}
	return b.post("/desbloqueo/codigo", append([]string{"codigo_mensaje", code}, more...)...)
}

// The code of the mail is an alternative, counted on the link.
func TestS073_TypedCode(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, link := locked(s)
		code := s.DB.LinkCode(link.ID)
		s.wantText(b.post("/desbloqueo/codigo", "codigo_mensaje", "12"), "codigo_mensaje-error")
		s.want(b.post("/desbloqueo/codigo", "codigo_mensaje", code[:4]+" "+code[4:]), http.StatusSeeOther, "/desbloqueo/listo")
		s.wantText(b.get("/desbloqueo/listo"), unlockedTitle)
	})
	t.Run("elsewhere", func(t *testing.T) {
		each(t, func(t *testing.T, s *site) {
			_, link := locked(s)
			got := s.browser().typeCode(s.DB.LinkCode(link.ID), "identificacion", string(s.who.Identifier))
			s.want(got, http.StatusSeeOther, "/desbloqueo/listo")
		})
	})
	t.Run("five wrong", func(t *testing.T) {
		each(t, func(t *testing.T, s *site) {
			b, link := locked(s)
			for range 5 {
				s.wantText(b.typeCode(s.wrongCode(link)), "codigo_mensaje-error")
			}
			if got := b.typeCode(s.DB.LinkCode(link.ID)); got.status != http.StatusOK || s.budget().LockReason == "" {
				t.Errorf("a sixth code counted: %d", got.status)
			}
			if n := s.events("unlock.denied"); n != 6 {
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
		if ticket.MatchString(b.get("/desbloqueo/codigo").body) {
			t.Error("a challenge before anything was typed")
		}
		first := b.post("/desbloqueo/codigo", "codigo_mensaje", bad)
		s.wantText(first, "codigo_mensaje-error", `name="reto"`)
		if strings.Contains(first.body, `name="identificacion"`) {
			t.Error("asks whose code it is once more")
		}
		for name, form := range map[string][]string{"none": {}, "made up": {"reto", "x"}} {
			got := b.post("/desbloqueo/codigo", append(form, "codigo_mensaje", code)...)
			if got.status != http.StatusOK || s.events("unlock.denied") != 1 {
				t.Errorf("%s: %d, a code was tried without a challenge", name, got.status)
			}
			s.wantText(got, refused)
		}
		reto := b.ticketOf(first)
		short := b.post("/desbloqueo/codigo", "codigo_mensaje", "12", "reto", reto)
		s.wantText(short, `value="`+reto+`" checked`) // nothing was tried: it still counts
		again := b.post("/desbloqueo/codigo", "codigo_mensaje", bad, "reto", reto)
		s.wantText(again, "codigo_mensaje-error")
		if strings.Contains(again.body, reto) {
			t.Error("the page keeps a challenge that is spent")
		}
		s.wantText(b.post("/desbloqueo/codigo", "codigo_mensaje", code, "reto", reto), refused)
		s.want(b.typeCode(code), http.StatusSeeOther, "/desbloqueo/listo")

		strange := s.browser() // of somebody nobody is: the same
		strange.askUnlock(nobody)
		s.wantText(strange.post("/desbloqueo/codigo", "codigo_mensaje", bad), "codigo_mensaje-error", `name="reto"`)
		s.wantText(strange.post("/desbloqueo/codigo", "codigo_mensaje", bad), refused)
	})
}

// T13: a stranger who knows the cédula may ask for the link and type codes as long
// as she likes; the link in the person's mail opens all the same.
func TestT13_StrangersUseUpNoLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.lock(storage.LockLogin)
		stranger := s.browser()
		s.want(stranger.askUnlock(s.who.Identifier), http.StatusSeeOther, "/desbloqueo/enviado")
		s.work()
		s.deliver()
		link := s.linkOf("enlace-desbloqueo")
		for range 7 {
			stranger.typeCode(s.wrongCode(link))
		}
		own := s.browser()
		s.wantText(own.open(link), elsewhereFld)
		s.want(own.post("/desbloqueo/abrir", "ultimos", "9913"), http.StatusSeeOther, "/desbloqueo/listo")
		if s.budget().LockReason != "" {
			t.Error("still locked")
		}
	})
}
