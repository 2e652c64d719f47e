package main

import (
	"net/netip"
	"time"

	"iess.gob.ec/clave/login/recovery"
)

// recovering is what an operator may change of Generar / Recuperar clave.
func (c *config) recovering() []option {
	return []option{
		{
			key: "recovery.attempts", preset: "5", set: number(&c.Recovery.Attempts, 1, 10),
			doc: "How many times the questions may be answered wrongly (S030, D01).",
		},
		{
			key: "recovery.locks", preset: "clave", set: oneOf(&c.Recovery.Locks, "clave", "wizard"),
			doc: "What spent attempts close: clave, until it is unlocked, or wizard, this way only, for a day.",
		},
		{
			key: "recovery.link_life", preset: "15m", set: span(&c.Recovery.Life, time.Minute, linkCap, false),
			doc: "How long the link lives from its hand-over to the mail server (S034, D06); never beyond 60m from the request.",
		},
		{
			key: "recovery.window", preset: "15m", set: span(&c.Recovery.Window, time.Minute, time.Hour, false),
			doc: "How long the form that a link opens may be filled in (S039, D07).",
		},
		{
			key: "recovery.contact_wait", preset: "72h", set: span(&c.Recovery.ContactWait, time.Hour, 7*day, false),
			doc: "How long a changed address waits before it counts, unless the one on file approves it; one that changed, and a further one, gets no link for so long (D18). \"No fui yo\" in its notice lives 10 days.",
		},
		{
			key: "recovery.case_life", preset: "1h", set: span(&c.Recovery.CaseLife, 10*time.Minute, day, false),
			doc: "How long somebody may take from the first step to asking for the link.",
		},
		{
			key: "recovery.networks", shape: list, example: "198.51.100.0/24", set: prefixes(&c.Recovery.Networks),
			doc: "Networks of hosting companies and anonymisers: from there the challenge costs more, and the link may wait (C10).",
		},
	}
}

// recovery is that as its pages take it.
func (c *config) recovery() recovery.Config {
	r := c.Recovery
	return recovery.Config{
		Attempts: r.Attempts, WizardOnly: r.Locks == "wizard", LinkLife: r.Life, Window: r.Window, CaseLife: r.CaseLife,
		Networks: r.Networks,
	}
}

// prefixes reads networks, or single addresses.
func prefixes[N ~[]netip.Prefix](to *N) setter {
	return func(e entry) []fault {
		var all []fault
		for _, s := range e.list {
			p, err := netip.ParsePrefix(s)
			if a, aerr := netip.ParseAddr(s); err != nil && aerr == nil {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
			switch {
			case err != nil:
				all = append(all, wrong("write an address or a network such as 198.51.100.0/24", "%q is not a network", clip(s))...)
			case p.Addr().Is4In6():
				all = append(all, wrong("write the IPv4 network, such as 198.51.100.0/24", "%q is IPv4 written as IPv6", clip(s))...)
			default:
				*to = append(*to, p.Masked())
			}
		}
		return all
	}
}
