package main

import (
	"net/netip"
	"slices"
	"time"

	"iess.gob.ec/clave/provider"
)

// leaving is what an operator may change of telling applications that a session
// has ended, and of security events.
func (c *config) leaving() []option {
	return []option{
		{
			key: "logout.networks", shape: list, example: "10.20.0.0/16", set: inner(&c.Logout.Networks),
			doc: "Networks beside the public internet in which applications take logout tokens (backchannel_logout_uri) and security events (iess_events_uri) and serve their keys (jwks_uri). Other private addresses, and those of this machine, get none.",
		},
		{
			key: "logout.ca_file", example: "tls/applications-ca.pem", set: c.roots(&c.Logout.Roots),
			doc: "Certificates in PEM that vouch for applications, instead of those of the system.",
		},
		{
			key: "logout.timeout", preset: "5s", set: span(&c.Logout.Timeout, time.Second, 30*time.Second, false),
			doc: "How long an application may take to answer a logout token or a security event.",
		},
		{
			key: "logout.give_up", preset: "6h", set: span(&c.Logout.GiveUp, time.Minute, 7*day, false),
			doc: "How long an application that does not take a logout token or a security event is asked again.",
		},
	}
}

// logouts is that as the provider takes it.
func (c *config) logouts() provider.LogoutConfig {
	l := c.Logout
	return provider.LogoutConfig{Networks: l.Networks, Roots: l.Roots, Timeout: l.Timeout, GiveUp: l.GiveUp}
}

// inner reads networks that are named one by one: one that is most of the
// internet would name none.
func inner(to *[]netip.Prefix) setter {
	return func(e entry) []fault {
		if faults := prefixes(to)(e); faults != nil {
			return faults
		}
		if i := slices.IndexFunc(*to, func(p netip.Prefix) bool { return p.Bits() < 8 }); i >= 0 {
			return wrong("write the networks of the applications, such as 10.20.0.0/16", "%s is most of the internet", (*to)[i])
		}
		return nil
	}
}
