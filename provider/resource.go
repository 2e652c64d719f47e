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

// readResources keeps in q the resource servers that f names (RFC 8707 section 2).
func (s *Server) readResources(ctx context.Context, q *storage.AuthRequest, f form) *protocolError {
	for _, resource := range f["resource"] {
		if resource == "" || slices.Contains(q.Params.Resources, resource) {
			continue
		}
		if len(q.Params.Resources) == maxResources {
			return invalidTarget("the request names too many resources")
		}
		if known, err := s.knownResource(ctx, resource); err != nil || !known {
			return invalidTarget("the resource is not one of those registered")
		}
		q.Params.Resources = append(q.Params.Resources, resource)
	}
	return nil
}

// knownResource reports whether resource is the audience of somebody: of an
// application that is a resource server, or of our own userinfo.
func (s *Server) knownResource(ctx context.Context, resource string) (bool, error) {
	if resource == s.Issuer {
		return true, nil
	}
	clients, err := s.Clients.Clients(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(clients, func(c *storage.Client) bool { return c.Metadata.ResourceServer == resource }), nil
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

// audienceFor is audience, where it is still registered.
func (s *Server) audienceFor(ctx context.Context, granted, asked []string) (string, error) {
	to, bad := audience(granted, asked, s.Issuer)
	if bad != nil {
		return "", bad
	}
	known, err := s.knownResource(ctx, to)
	if err == nil && !known {
		err = invalidTarget("the resource is not one of those registered")
	}
	return to, err
}
