package templates

func (m MailGenerateLink) letter(c *composer) letter {
	l := c.open(m, m.Name)
	if !m.Until.IsZero() {
		l.Heading = c.say("mail.enlace-generar.until", "At", c.at(m.Until))
	}
	l.Lead = []string{c.say("mail.enlace-generar.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.enlace-generar.open", "Span", c.keep(c.c.span(m.Life))), c.say("mail.enlace-generar.then"))
	if m.Link != "" {
		l.Own.Action = &way{Label: c.say("mail.enlace-generar.button"), URL: m.Link}
	}
	l.Small = []string{c.say("mail.enlace-generar.elsewhere"), c.say("mail.enlace-generar.again")}
	l.Other = part{Title: c.say("mail.notme.link"), Do: []string{
		c.say("mail.enlace-generar.same"), c.say("mail.notme.call", "Phone", c.site.Phone),
	}}
	return l
}

func (m MailGenerateHeld) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.enlace-generar.what"), c.say("mail.enlace-retenido.recent")}
	if m.Open {
		l.Lead[1] = c.say("mail.enlace-retenido.open")
	}
	l.Lead = append(l.Lead, c.say("mail.enlace-retenido.safe"))
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own()
	if !m.Ready.IsZero() {
		l.Own.Do = append(l.Own.Do, c.say("mail.enlace-retenido.ready", "When", c.moment(m.Ready)))
	}
	if m.Open {
		l.Own.Do = append(l.Own.Do, c.say("mail.enlace-retenido.approve"))
	}
	l.Own.Do = append(l.Own.Do, c.say("mail.enlace-retenido.hurry"))
	l.Own.Action = c.page("mail.ways", "/ayuda")
	l.Other = c.notme(m.Disavow)
	return l
}

func (m MailQuestionsPassed) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.preguntas-superadas.what"), c.say("mail.preguntas-superadas.still")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.preguntas-superadas.next"))
	l.Other = c.notme(m.Disavow)
	if m.Disavow != "" {
		l.Other.Do[0] = c.say("mail.preguntas-superadas.press")
	}
	l.Other.Do = append([]string{c.say("mail.preguntas-superadas.stranger")}, l.Other.Do...)
	return l
}

func (m MailQuestionsSpent) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.preguntas-agotadas.what"), c.say("mail.preguntas-agotadas.still")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.preguntas-agotadas.wait"))
	l.Own.Action = c.page("mail.ways", "/ayuda")
	l.Other = c.notme(m.Disavow)
	if m.Disavow != "" {
		l.Other.Do[0] = c.say("mail.clave-bloqueada.press")
	}
	l.Other.Do = append([]string{c.say("mail.preguntas-agotadas.stranger")}, l.Other.Do...)
	return l
}

func (m MailRecovered) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.clave-recuperada.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.nothing"))
	if m.First {
		l.Heading = c.say("mail.clave-recuperada.first")
		l.Lead = []string{c.say("mail.clave-recuperada.first.what")}
	} else {
		l.Own.Do = append(l.Own.Do, c.say("mail.former"), c.say("mail.clave-recuperada.closed"))
	}
	l.Own.Action = c.page("menu.ingresar", "/ingresar")
	l.Other = c.notme(m.Disavow)
	return l
}

func (m MailContactNew) letter(c *composer) letter {
	l := c.open(m, "")
	l.Lead = []string{c.say("mail.correo-nuevo.what")}
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.correo-nuevo.open", "Span", c.keep(c.c.span(m.Life))))
	if m.Link != "" {
		l.Own.Action = &way{Label: c.say("mail.correo-nuevo.button"), URL: m.Link}
	}
	if !m.Ready.IsZero() {
		l.Own.Do = append(l.Own.Do, c.say("mail.correo-nuevo.ready", "When", c.moment(m.Ready)), c.say("mail.correo-nuevo.sooner"))
	}
	l.Other = part{Title: c.say("mail.notme.link"), Do: []string{
		c.say("mail.correo-nuevo.stranger"), c.say("mail.correo-nuevo.nothing"),
	}}
	return l
}

func (m MailContactOld) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Lead = []string{c.say("mail.correo-viejo.what")}
	if !m.Ready.IsZero() {
		l.Lead = append(l.Lead, c.say("mail.correo-viejo.ready", "When", c.moment(m.Ready)))
	}
	l.Lead = append(l.Lead, c.say("mail.correo-viejo.meanwhile"))
	l.Facts = c.facts(m.When, m.Network, m.Device)
	l.Own = c.own(c.say("mail.correo-viejo.confirm"), c.say("mail.correo-viejo.wait"))
	if m.Account {
		l.Lead[0], l.Own.Do = c.say("mail.correo-viejo.account"), []string{c.say("mail.correo-viejo.until")}
	}
	if m.Link != "" {
		l.Own.Do = append(l.Own.Do, c.say("mail.correo-viejo.approve"))
		l.Own.Action = &way{Label: c.say("mail.correo-viejo.button"), URL: m.Link}
	}
	l.Other = c.notme(m.Disavow)
	if m.Disavow != "" {
		l.Other.Do[0] = c.say("mail.correo-viejo.press")
	}
	return l
}

func (m MailContactApplied) letter(c *composer) letter {
	l := c.open(m, m.Name)
	l.Facts = c.facts(m.When, "", "")
	l.Other = c.notme(m.Disavow)
	if m.Disavow != "" { // only a person can put the address back
		l.Other.Do = append(l.Other.Do, c.say("mail.correo-aplicado.call", "Phone", c.site.Phone))
	}
	if m.Former {
		l.Lead = []string{c.say("mail.correo-aplicado.what"), c.say("mail.contacto-cambiado.former"), c.say("mail.contacto-cambiado.links")}
		l.Own = c.own(c.say("mail.nothing"))
		return l
	}
	l.Lead = []string{c.say("mail.correo-aplicado.what"), c.say("mail.contacto-cambiado.new")}
	if m.Other {
		l.Lead[1] = c.say("mail.correo-aplicado.other")
	}
	if m.Account || m.Other {
		l.Own = c.own(c.say("mail.nothing"))
		return l
	}
	l.Own = c.own(c.say("mail.correo-aplicado.next"))
	l.Own.Action = c.page("menu.recover", "/generar-recuperar")
	return l
}
