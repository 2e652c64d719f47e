package templates

import (
	"net/url"
	"strings"
)

// NewApplication is the client called name as people know it, from the addresses
// it has registered (RFC 7591; initiate: initiate_login_uri), each "" for none.
// It begins again at initiate, which is told who asks, issuer (OpenID Connect
// Core section 4), else at its client_uri. Addresses that are not of the web are
// left out.
func NewApplication(name, clientURI, policyURI, initiate, issuer string) *Application {
	a := &Application{Name: name}
	if u := webURL(clientURI); u != nil {
		a.Host, a.Start = u.Host, clientURI
	}
	if webURL(policyURI) != nil {
		a.Policy = policyURI
	}
	if u := webURL(initiate); u != nil {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += url.Values{"iss": {issuer}}.Encode()
		a.Start = u.String()
	}
	return a
}

func webURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

// FormAction is the Content-Security-Policy of a page whose form may end at the
// registered address: browsers apply it to the redirect after a POST too. A
// private-use scheme (RFC 8252 section 7.1) is named whole. So is http where the
// host is an IPv6 address, which only a loopback one may be (section 7.3): CSP
// (level 3, section 2.3.1) has no words for such a host, and browsers would stop
// the person on her way back.
func FormAction(address string) string {
	const self = "form-action 'self'"
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "":
		return self
	case u.Scheme != "https" && u.Scheme != "http", u.Scheme == "http" && strings.Contains(u.Hostname(), ":"):
		return self + " " + u.Scheme + ":"
	default:
		return self + " " + u.Scheme + "://" + u.Host
	}
}
