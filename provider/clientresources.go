package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// maxNamed is how many audiences one application may name in its registration.
const maxNamed = 100

// ErrNoResource says that iess_resources names what no API is registered for.
var ErrNoResource = errors.New("is the iess_resource_server of no application, neither of the file nor registered, and not the issuer")

// ApplyClients applies all, and makes sure that each audience in their
// iess_resources is the issuer or the iess_resource_server of an application that is
// registered then, disabled or not: else it is ErrNoResource, one line for each with
// its index and client, and the caller must not commit.
func ApplyClients(ctx context.Context, tx *storage.Tx, all []Registration, issuer string, now time.Time) error {
	for _, r := range all {
		if err := r.Apply(ctx, tx, now); err != nil {
			return err
		}
	}
	clients, err := tx.Clients(ctx)
	if err != nil {
		return err
	}
	var unknown []error
	for i, r := range all {
		for _, resource := range r.Metadata.Resources {
			if resource != issuer && !slices.ContainsFunc(clients, func(c storage.Client) bool { return c.Metadata.ResourceServer == resource }) {
				unknown = append(unknown, fmt.Errorf("index %d, client %s: iess_resources: %.200q %w", i, named(r.ID), resource, ErrNoResource))
			}
		}
	}
	return errors.Join(unknown...)
}

// checkResourceServer makes sure that the audience can be named as a resource (RFC
// 8707 section 2).
func checkResourceServer(m storage.ClientMetadata) error {
	if m.ResourceServer != "" && !resourceURI(m.ResourceServer) {
		return errors.New("iess_resource_server: must be an absolute URI without fragment, such as https://api.example or urn:iess:historia")
	}
	return nil
}

// checkResources says what is wrong with the audiences a client may name. Whether
// there are such is known to ApplyClients.
func checkResources(r Registration) error {
	m := r.Metadata
	switch {
	case m.Resources == nil:
		return nil
	case !slices.Contains(m.GrantTypes, "authorization_code") && !slices.Contains(m.GrantTypes, "client_credentials"):
		return errors.New("iess_resources: the client gets no tokens, because grant_types has neither authorization_code nor client_credentials")
	case len(m.Resources) > maxNamed:
		return fmt.Errorf("iess_resources: more than %d", maxNamed)
	}
	for i, resource := range m.Resources {
		if !resourceURI(resource) {
			return fmt.Errorf("iess_resources: %.200q must be an absolute URI without fragment, the iess_resource_server of an application", resource)
		}
		if slices.Contains(m.Resources[:i], resource) {
			return fmt.Errorf("iess_resources: %.200q is named twice", resource)
		}
	}
	return nil
}

// resourceURI reports whether value is an absolute URI without fragment, that can be
// one word of a scope.
func resourceURI(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.IsAbs() && faultOf("resource", value) == "" &&
		!strings.ContainsFunc(value, func(c rune) bool { return c <= 0x20 || c >= 0x7f || strings.ContainsRune("#\"\\", c) })
}
