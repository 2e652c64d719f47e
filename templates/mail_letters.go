package templates

import (
	"slices"
	"strconv"
	"strings"
)

// The parts that several letters share.

// own is what to do for the one whose act it was.
func (c *composer) own(do ...string) part { return part{Title: c.say("mail.own"), Do: do} }

// notme offers "No fui yo" where there is such a link, and the telephone where there is none.
func (c *composer) notme(disavow string) part {
	p := part{Title: c.say("mail.notme")}
	if disavow == "" {
		p.Do = []string{c.say("mail.notme.call", "Phone", c.site.Phone)}
		return p
	}
	p.Do = []string{c.say("mail.notme.press"), c.say("mail.notme.then"), c.say("mail.notme.lasts")}
	p.Action = &way{Label: c.say("mail.notme.button"), URL: disavow}
	return p
}

func (c *composer) page(key, path string) *way {
	return &way{Label: c.say(key), URL: c.site.Issuer + path}
}

func (m MailClaveChanged) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.clave-cambiada.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.nothing"), c.say("mail.former"))
	if m.Closed {
		l.Own.Do = append(l.Own.Do, c.say("mail.clave-cambiada.closed"))
	}
	l.Other = c.notme(m.Disavow)
	return l
}

func (m MailClaveRenewed) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.clave-renovada.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.nothing"), c.say("mail.former"))
	if !m.Due.IsZero() {
		l.Own.Do = append(l.Own.Do, c.say("mail.clave-renovada.due", "Date", c.date(m.Due)))
	}
	l.Other = c.notme(m.Disavow)
	return l
}

func (m MailClaveLocked) letter(c *composer) letter {
	l := c.open(m, m.Name)
	switch m.Reason {
	case ReasonOperador:
		l.Lead = []string{c.say("mail.desbloqueo-asistido.operador"), c.say("locked.kept")}
		l.Facts = c.facts(m.When, "", "") // those of the officer are not hers to know
		l.Own = part{Title: c.say("mail.do"), Do: []string{c.say("mail.clave-bloqueada.call", "Phone", c.site.Phone)}}
		return l
	case ReasonCompromiso:
		l.Lead = []string{c.say("mail.desbloqueo-asistido.compromiso"), c.say("locked.kept")}
		l.Facts = c.facts(m.When, m.Network, m.Device)
		if m.Operator { // whose network and device are not hers to know
			l.Lead, l.Facts = []string{c.say("mail.clave-bloqueada.reopened"), c.say("locked.kept")}, c.facts(m.When, "", "")
		}
		l.Own = part{Title: c.say("mail.do"), Do: []string{c.say("mail.clave-bloqueada.new")}, Action: c.page("menu.recover", "/generar-recuperar")}
		return l
	}
	reason := c.c.known("locked.", string(m.Reason), ".what", "plain")
	l.Lead = []string{c.say(reason, "Attempts", c.keep(c.c.number(c.site.Attempts))), c.say("locked.kept")}
	if !m.Until.IsZero() {
		l.Lead = append(l.Lead, c.say("mail.clave-bloqueada.until", "Moment", c.keep(c.c.moment(m.Until))))
	}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.clave-bloqueada.forgot"))
	l.Own.Action = c.page("menu.recover", "/generar-recuperar")
	if m.Online {
		l.Own.Do = []string{c.say("mail.clave-bloqueada.remember"), c.say("mail.clave-bloqueada.else")}
		l.Own.Action = c.page("menu.unlock", "/desbloqueo")
	}
	stranger := c.say("mail.clave-bloqueada.stranger")
	if m.Reason == ReasonRecuperacion { // the wizard is closed to her until the clave is unlocked
		stranger = c.say("locked.notme.answers")
		if m.Online {
			l.Own.Do[1] = c.say("mail.clave-bloqueada.people")
		} else {
			l.Own = c.own(c.say("mail.clave-bloqueada.person"))
			l.Own.Action = c.page("mail.ways", "/ayuda")
		}
	}
	l.Other = c.notme(m.Disavow)
	if m.Disavow != "" { // nobody got in: it is for who thinks that the clave is known
		l.Other.Do[0] = c.say("mail.clave-bloqueada.press")
	}
	l.Other.Do = append([]string{stranger}, l.Other.Do...)
	return l
}

func (m MailClaveUnlocked) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Own = c.own(c.say("mail.clave-desbloqueada.enter"), c.say("mail.clave-desbloqueada.forgot"))
	l.Other = c.notme(m.Disavow)
	switch {
	case m.Expired:
		l.Lead = []string{c.say("mail.clave-desbloqueada.time"), c.say("mail.clave-desbloqueada.same")}
		l.Facts = c.facts(m.When, "", "")
		l.Own.Title = c.say("mail.do")
		if m.Disavow != "" { // nobody did anything: it is for who thinks that the clave is known
			l.Other.Do[0] = c.say("mail.clave-bloqueada.press")
		}
	case m.Operator:
		l.Lead = []string{c.say("mail.clave-desbloqueada.operator"), c.say("mail.clave-desbloqueada.same")}
		l.Facts = c.facts(m.When, "", "")
		l.Own.Title, l.Other.Title = c.say("mail.do"), c.say("mail.notasked")
	default:
		l.Lead = []string{c.say("mail.clave-desbloqueada.what"), c.say("mail.clave-desbloqueada.same")}
		l.Facts = c.facts(m.When, m.Network, m.Device)
	}
	l.Own.Action = c.page("menu.ingresar", "/ingresar")
	return l
}

func (m MailNewDevice) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.equipo-nuevo.what")}
	if app := tame(m.Application, 60); app != "" {
		l.Lead = []string{c.say("mail.equipo-nuevo.app", "App", app)}
	}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	for _, a := range m.Also {
		key := c.c.known("mail.", a.Template, ".title", "otro")
		l.Events = append(l.Events, fact{Label: clock(a.When), Value: c.say(key)})
	}
	l.Own = c.own(c.say("mail.nothing"), c.say("mail.equipo-nuevo.shared"))
	l.Other = c.notme(m.Disavow)
	return l
}

func (m MailContactChanged) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.contacto-cambiado.what"), c.say("mail.contacto-cambiado.new")}
	switch {
	case m.Former:
		l.Lead[1] = c.say("mail.contacto-cambiado.former")
	case m.Other:
		l.Lead[1] = c.say("mail.correo-aplicado.other")
	}
	l.Lead = append(l.Lead, c.say("mail.contacto-cambiado.links"))
	l.Facts = c.facts(m.When, "", "") // those of an officer are not hers to know
	l.Own = part{Title: c.say("mail.contacto-cambiado.own"), Do: []string{c.say("mail.nothing")}}
	l.Other = c.notme(m.Disavow)
	l.Other.Title = c.say("mail.notasked")
	return l
}

func (m MailUnlockLink) letter(c *composer) letter {
	l := c.open(m, m.Name)
	if !m.Until.IsZero() {
		l.Heading = c.say("mail.enlace-desbloqueo.until", "At", c.at(m.Until))
	}
	l.Lead = []string{c.say("mail.enlace-desbloqueo.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.enlace-desbloqueo.open", "Span", c.keep(c.c.span(m.Life))))
	if m.Link != "" {
		l.Own.Action = &way{Label: c.say("mail.enlace-desbloqueo.button"), URL: m.Link}
	}
	l.Code = groups(m.Code)
	if l.Code != "" {
		l.Small = append(l.Small, c.say("mail.enlace-desbloqueo.code"))
	}
	l.Small = append(l.Small, c.say("mail.enlace-desbloqueo.elsewhere"), c.say("mail.enlace-desbloqueo.again"))
	l.Other = part{Title: c.say("mail.notme.link"), Do: []string{
		c.say("mail.enlace-desbloqueo.same"), c.say("mail.notme.call", "Phone", c.site.Phone),
	}}
	return l
}

func (m MailUnlockAssisted) letter(c *composer) letter {
	l := c.open(m, m.Name)
	why := c.c.known("mail.desbloqueo-asistido.", string(m.Reason), "", "huella")
	if m.Off {
		why = "mail.desbloqueo-asistido.apagado"
	}
	l.Lead = []string{c.say("mail.desbloqueo-asistido.what"), c.say(why)}
	if m.Reason == ReasonRecuperacion { // beside why no link comes: why it is locked
		l.Lead = slices.Insert(l.Lead, 1, c.say("locked.recuperacion.what"))
	}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own()
	for _, w := range c.site.assisted() {
		l.Own.Do = append(l.Own.Do, c.say("mail.desbloqueo-asistido."+string(w)))
	}
	if len(l.Own.Do) == 0 {
		l.Own.Do = []string{c.say("mail.clave-bloqueada.call", "Phone", c.site.Phone)}
	}
	switch m.Reason {
	case ReasonOperador, ReasonDisabled, ReasonRecuperacion:
		l.Own.Action = c.page("mail.ways", "/ayuda")
	default:
		l.Own.Do = append([]string{c.say("mail.desbloqueo-asistido.recover")}, l.Own.Do...)
		l.Own.Action = c.page("menu.recover", "/generar-recuperar")
	}
	l.Other = part{Title: c.say("mail.notme"), Do: []string{
		c.say("mail.desbloqueo-asistido.same"), c.say("mail.notme.call", "Phone", c.site.Phone),
	}}
	return l
}

func (m MailRenewalDue) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Heading = c.say("mail.clave-por-vencer.date", "Date", c.date(m.Due))
	l.Lead = []string{c.count("mail.clave-por-vencer.days", max(1, m.Days)), c.say("mail.clave-por-vencer.minute")}
	l.Own = part{Title: c.say("mail.do"), Do: []string{c.say("mail.clave-por-vencer.change"), c.say("mail.clave-por-vencer.after")}}
	l.Own.Action = c.page("menu.change", "/cambio")
	l.Other = part{Title: c.say("mail.clave-por-vencer.forgot"), Do: []string{c.say("mail.clave-por-vencer.recover")}}
	l.Other.Action = c.page("menu.recover", "/generar-recuperar")
	return l
}

func (m MailAccountDisabled) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.cuenta-deshabilitada.what"), c.say("mail.cuenta-deshabilitada.means"), c.say("locked.kept")}
	l.Facts = c.facts(m.When, "", "")
	l.Own = part{Title: c.say("mail.do"), Do: []string{c.say("mail.cuenta-deshabilitada.call", "Phone", c.site.Phone)}}
	l.Own.Action = c.page("mail.ways", "/ayuda")
	return l
}

func (m MailTest) letter(c *composer) letter {
	l := c.open(m, "")
	l.Lead = []string{c.say("mail.prueba.what"), c.say("mail.prueba.works")}
	l.Facts = c.facts(m.When, "", "")
	return l
}

// groups sets digits in groups of four, as people read them; anything but digits is no code and left out.
func groups(code string) string {
	var b strings.Builder
	for i, r := range code {
		if _, err := strconv.Atoi(string(r)); err != nil {
			return ""
		}
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
