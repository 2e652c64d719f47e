package provider

import (
	"context"
	"errors"
	"slices"
	"strings"

	"iess.gob.ec/clave/storage"
)

// refresh uses a refresh token for the authenticated client c: one transaction,
// in which the family's row is held, so that two uses take turns.
func (s *Server) refresh(ctx context.Context, c *storage.Client, token, scope string, resources []string, p possession) (*tokenResponse, error) {
	var answer *tokenResponse
	var refused *protocolError // committed all the same: the refusal has effects
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		answer, err = s.refreshIn(ctx, tx, c, storage.Hash(token), scope, resources, p)
		if errors.As(err, &refused) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	s.disclosures.note(answer.person, c.ID, answer.claims, s.Now())
	return answer, nil
}

func (s *Server) refreshIn(ctx context.Context, tx *storage.Tx, c *storage.Client, hash, scope string, resources []string, p possession) (*tokenResponse, error) {
	now := s.Now()
	t, g, err := tx.LockRefreshToken(ctx, hash)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalidGrant()
	}
	if err != nil {
		return nil, err
	}
	if g.ClientID != c.ID {
		err := tx.Audit(ctx, storage.Event{
			At: storage.At(now), Name: eventRefreshForeign, AfiliadoID: g.AfiliadoID, ClientID: c.ID, Actor: "client",
			Detail: map[string]string{"grant": g.ID},
		})
		return nil, errors.Join(err, refusal(err))
	}
	if !g.RevokedAt.IsZero() || g.ExpiresAt.Past(now) || p.refusedTo(g) {
		return nil, invalidGrant()
	}
	granted, bad := narrowed(g.Scope, scope)
	if bad != nil {
		return nil, bad
	}
	audience, err := s.audienceFor(ctx, c, strings.Fields(g.Resources), resources)
	if err != nil {
		return nil, err
	}
	to := target{audience, p}
	if err := p.spend(ctx, tx, now); err != nil {
		return nil, err
	}
	var child *storage.RefreshToken
	if t.ChildHash != "" {
		if child, err = tx.RefreshToken(ctx, t.ChildHash); err != nil {
			return nil, err
		}
	}
	turn := rotate(*t, child, now)
	switch turn {
	case rotationMint:
	case rotationReplace:
		if err := tx.RevokeRefreshToken(ctx, child.Hash, now); err != nil {
			return nil, err
		}
	default:
		err := s.revokeFamily(ctx, tx, eventRefreshReplayed, c.ID, g.AfiliadoID, g.ID)
		return nil, errors.Join(err, refusal(err))
	}
	answer, err := s.mint(ctx, c, *g, granted, to, "", tx.Afiliado, now)
	if err != nil {
		return nil, err
	}
	if turn == rotationMint && keepsRefresh(c.Metadata) {
		return answer, s.storeAccess(ctx, tx.AddAccessToken, *g, granted, to, answer.AccessToken, now)
	}
	answer.RefreshToken = storage.NewSecret()
	next := storage.RefreshToken{Hash: storage.Hash(answer.RefreshToken), GrantID: g.ID, CreatedAt: storage.At(now)}
	if err := tx.AddRefreshToken(ctx, next); err != nil {
		return nil, err
	}
	if err := tx.UseRefreshToken(ctx, hash, next.Hash, now); err != nil {
		return nil, err
	}
	return answer, s.storeAccess(ctx, tx.AddAccessToken, *g, granted, to, answer.AccessToken, now)
}

// refusal is invalid_grant where the effects of refusing are stored, else
// nothing: then err alone counts and the transaction fails.
func refusal(err error) error {
	if err != nil {
		return nil
	}
	return invalidGrant()
}

// narrowed is the scope of the new access token: all that was granted, or the
// part asked for (RFC 6749 section 6).
func narrowed(granted, asked string) (string, *protocolError) {
	if asked == "" {
		return granted, nil
	}
	have, want := strings.Fields(granted), strings.Fields(asked)
	for _, scope := range want {
		if storage.Marked(scope) || !slices.Contains(have, scope) {
			return "", &protocolError{"invalid_scope", "the scope is more than was granted"}
		}
	}
	return strings.Join(slices.DeleteFunc(have, func(s string) bool { return !slices.Contains(want, s) }), " "), nil
}
