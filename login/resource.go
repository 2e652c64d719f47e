package login

import (
	"context"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// apis are the resource servers that the asked scope marks (storage.ResourceMark), by
// the names under which they are registered. One that is no longer goes by its
// address; the application gets nothing for it.
func (s *Server) apis(ctx context.Context, asked []string) ([]templates.API, error) {
	var out []templates.API
	for _, one := range asked {
		resource, marked := strings.CutPrefix(one, storage.ResourceMark)
		if !marked {
			continue
		}
		clients, err := s.Clients.Clients(ctx)
		if err != nil {
			return nil, err
		}
		name := resource
		if i := slices.IndexFunc(clients, func(c *storage.Client) bool { return c.Metadata.ResourceServer == resource }); i >= 0 {
			name = clients[i].Metadata.ClientName
		}
		out = append(out, templates.API{Mark: one, Name: name})
	}
	return out, nil
}

// grantedResources are those of the asked resource servers that the granted scope
// lets through. For issuer, whose userinfo gives what the rest of the scope says, it
// takes no mark.
func grantedResources(asked []string, scope, issuer string) []string {
	marks := strings.Fields(scope)
	return slices.DeleteFunc(slices.Clone(asked), func(r string) bool {
		return r != issuer && !slices.Contains(marks, storage.ResourceMark+r)
	})
}
