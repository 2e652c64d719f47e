package provider

import (
	"context"
	"errors"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// Audit events about revocation.
const (
	eventTokenRevoked   = "token.revoked"
	eventRevokedForeign = "token.revoke_foreign"
)

// postRevoke ends a token of the client's own (RFC 7009): an access token alone,
// with a refresh token its whole family. An unknown one is ended already.
func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	client, f, err := s.machineCall(w, r)
	if err == nil {
		err = s.revoke(r.Context(), client, f.get("token"))
	}
	if err != nil {
		op.WriteError(challenge{w, basicChallenge}, r, err, nil)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// revoke ends token, or returns an error as op.WriteError writes it. What the
// client hinted about its kind is not needed: a hash says which it is.
func (s *Server) revoke(ctx context.Context, c *storage.Client, token string) error {
	set, err := s.keys.knowing(ctx, token)
	if err != nil {
		return s.fail(ctx, serverError(), err)
	}
	if _, err := set.verify(token); err == nil { // an ID token, which nobody can take back
		return s.fail(ctx, &protocolError{"unsupported_token_type", "only access and refresh tokens can be revoked"}, nil, "client_id", c.ID)
	}
	var refused *protocolError // committed all the same: it is audited
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		err := s.revokeIn(ctx, tx, c, storage.Hash(token))
		if errors.As(err, &refused) {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return s.fail(ctx, serverError(), err, "client_id", c.ID)
	case refused != nil:
		return s.fail(ctx, refused, nil, "client_id", c.ID)
	default:
		return nil
	}
}

func (s *Server) revokeIn(ctx context.Context, tx *storage.Tx, c *storage.Client, hash string) error {
	now := s.Now()
	facts, err := tx.TokenFacts(ctx, hash, now)
	if err == nil {
		return s.revokeAccess(ctx, tx, c, facts)
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	_, g, err := tx.LockRefreshToken(ctx, hash)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if g.ClientID != c.ID {
		return s.foreignToken(ctx, tx, c, g.AfiliadoID, g.ID)
	}
	live, err := tx.RevokeGrant(ctx, g.ID, eventTokenRevoked, now)
	if err != nil || !live {
		return err
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventTokenRevoked, AfiliadoID: g.AfiliadoID, ClientID: c.ID, Actor: "client",
		Detail: map[string]string{"grant": g.ID, "kind": "refresh_token"},
	})
}

func (s *Server) revokeAccess(ctx context.Context, tx *storage.Tx, c *storage.Client, t *storage.TokenFacts) error {
	if t.ClientID != c.ID {
		return s.foreignToken(ctx, tx, c, t.AfiliadoID, t.GrantID)
	}
	live, err := tx.RevokeAccessToken(ctx, t.Hash, c.ID)
	if err != nil || !live {
		return err
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(s.Now()), Name: eventTokenRevoked, AfiliadoID: t.AfiliadoID, ClientID: c.ID, Actor: "client",
		Detail: map[string]string{"grant": t.GrantID, "kind": "access_token"},
	})
}

// foreignToken audits that c showed a token of another client, and refuses: it
// goes on being good (RFC 7009 section 2.1).
func (s *Server) foreignToken(ctx context.Context, tx *storage.Tx, c *storage.Client, afiliadoID, grantID string) error {
	err := tx.Audit(ctx, storage.Event{
		At: storage.At(s.Now()), Name: eventRevokedForeign, AfiliadoID: afiliadoID, ClientID: c.ID, Actor: "client",
		Detail: map[string]string{"grant": grantID},
	})
	return errors.Join(err, refusal(err))
}
