package provider

import (
	"context"
	"slices"

	"iess.gob.ec/clave/storage"
)

// maxResources is how many resource servers one request may name.
const maxResources = 10

func invalidTarget(description string) *protocolError {
	return &protocolError{"invalid_target", description}
}

func unknownTarget() *protocolError {
	return invalidTarget("the resource is not one of those registered for this client")
}

// readResources keeps in q the resource servers that f names (RFC 8707 section 2),
// and marks in the scope those of which the person is told.
func (s *Server) readResources(ctx context.Context, c *storage.Client, q *storage.AuthRequest, f form) *protocolError {
	for _, resource := range f["resource"] {
		if resource == "" || slices.Contains(q.Params.Resources, resource) {
			continue
		}
		if len(q.Params.Resources) == maxResources {
			return invalidTarget("the request names too many resources")
		}
		if may, err := s.mayName(ctx, c, resource); err != nil || !may {
			return unknownTarget()
		}
		q.Params.Resources = append(q.Params.Resources, resource)
		if resource != s.Issuer {
			q.Scope += " " + storage.ResourceMark + resource
		}
	}
	return nil
}

// mayName reports whether c may ask for tokens for resource: for our own userinfo
// always, else where it is the audience of an application that is a resource server,
// and the registration of c says so.
func (s *Server) mayName(ctx context.Context, c *storage.Client, resource string) (bool, error) {
	if resource == s.Issuer || !asksFor(c.Metadata, resource, s.Issuer) {
		return resource == s.Issuer, nil
	}
	clients, err := s.Clients.Clients(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(clients, func(c *storage.Client) bool { return c.Metadata.ResourceServer == resource }), nil
}

// asksFor reports whether an application registered with m may ask issuer for tokens
// for resource (storage.ClientMetadata.Resources).
func asksFor(m storage.ClientMetadata, resource, issuer string) bool {
	switch {
	case resource == issuer:
		return true
	case m.Resources == nil:
		return m.FirstParty
	default:
		return slices.Contains(m.Resources, resource)
	}
}

// audience is for whom an access token is, one and no more (ASVS 9.2.4): what the
// token request asked, of what was granted before; where it asks nothing, the
// one granted or, without any, ourselves.
func audience(granted, asked []string, issuer string) (string, *protocolError) {
	asked = slices.DeleteFunc(slices.Clone(asked), func(r string) bool { return r == "" })
	if len(granted) == 0 {
		granted = []string{issuer}
	}
	switch {
	case len(asked) > 1:
		return "", invalidTarget("an access token is for one resource: ask for each in its own request")
	case len(asked) == 1 && !slices.Contains(granted, asked[0]):
		return "", invalidTarget("the resource is not one of those granted")
	case len(asked) == 1:
		return asked[0], nil
	case len(granted) > 1:
		return "", invalidTarget("several resources were granted: name the one the access token is for")
	default:
		return granted[0], nil
	}
}

// audienceFor is audience, where c may still ask for it: what was taken from its
// registration is refused from then on, whatever was granted before.
func (s *Server) audienceFor(ctx context.Context, c *storage.Client, granted, asked []string) (string, error) {
	to, bad := audience(granted, asked, s.Issuer)
	if bad != nil {
		return "", bad
	}
	may, err := s.mayName(ctx, c, to)
	if err == nil && !may {
		err = unknownTarget()
	}
	return to, err
}
