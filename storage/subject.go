package storage

import (
	"encoding/base64"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Subject is the sub by which the application knows the person: opaque, stable,
// and the same for all applications of one sector only; for a client registered
// public the same for all of those (OpenID Core 8, 8.1).
func (db *DB) Subject(c Client, afiliadoID string) string {
	return base64.RawURLEncoding.EncodeToString(db.PairwiseMAC(c.Sector(), afiliadoID))
}

// EffectID names, to the application alone, what of d's person came about when d
// did. Nobody else can make it: a plain hash would tell the microsecond to whoever
// tries all of a second, and two applications that know it find out that they know
// the same person.
func (db *DB) EffectID(c Client, d Delivery) string {
	at := strconv.FormatInt(d.CreatedAt.UnixMicro(), 10)
	return base64.RawURLEncoding.EncodeToString(db.PairwiseMAC("effect:"+c.ID, d.AfiliadoID+" "+at))
}

// Sector is what sub differs by (OpenID Core 8.1): the host of the
// sector_identifier_uri or, without one, of the redirect URIs, which are then
// all of one host. A client without such a host (custom schemes, this very
// machine) is a sector of its own.
func (c Client) Sector() string {
	if c.Metadata.SubjectType == "public" {
		return "public:"
	}
	for _, address := range append([]string{c.Metadata.SectorIdentifier}, c.Metadata.RedirectURIs...) {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
			continue
		}
		if host := strings.ToLower(u.Hostname()); host != "" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
			return "host:" + host
		}
	}
	return "client:" + c.ID
}
