package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
)

func (c *commands) client() *cobra.Command {
	cmd := group(&cobra.Command{Use: "client", Short: "The registered applications"})
	var reason string
	disable := &cobra.Command{
		Use: "disable ID", Short: "Refuse an application from now on and revoke what it holds; apply enables it again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.clientDisable(cmd.Context(), args[0], reason) },
	}
	disable.Flags().StringVar(&reason, "reason", "", "why; stands in the audit")
	cmd.AddCommand(
		&cobra.Command{
			Use: "apply FILE", Args: cobra.ExactArgs(1),
			Short: "Register, or change, the applications of FILE: a JSON array of RFC 7591 metadata; all of them or none",
			Long:  clientApplyHelp,
			RunE:  func(cmd *cobra.Command, args []string) error { return c.clientApply(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "list", Short: "Show the registered applications", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.clientList(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show ID", Short: "Show an application, and which logouts and security events it was told of", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return c.clientShow(cmd.Context(), args[0]) },
		}, disable)
	return cmd
}

func (c *commands) clientApply(ctx context.Context, name string) error {
	text, err := readFile(name, maxClients)
	if err != nil {
		return err
	}
	clients, err := provider.ParseClients(text)
	if err != nil {
		return refusedFile(name, err)
	}
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	now := c.now()
	var algs []string
	for _, r := range clients {
		algs = append(algs, r.Algs()...)
	}
	// Before they may ask for it: running replicas must have what signs for them.
	if err := provider.EnsureKeys(ctx, db, now, algs...); err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error { return provider.ApplyClients(ctx, tx, clients, cfg.Issuer.String(), now) })
	if errors.Is(err, provider.ErrNoSecret) || errors.Is(err, provider.ErrNoResource) {
		return refusedFile(name, err)
	}
	if err != nil {
		return err
	}
	for _, r := range clients {
		c.println("applied", r.ID)
	}
	return nil
}

// maxClients is the most an applications file may hold, in bytes.
const maxClients = 8 << 20

// refusedFile makes one line of each reason.
func refusedFile(name string, err error) error {
	var f failure
	for line := range strings.SplitSeq(err.Error(), "\n") {
		f = append(f, problem{name, "", line, "mend it; nothing of the file was applied"})
	}
	return f
}

func (c *commands) clientList(ctx context.Context) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	clients, err := db.Clients(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	counts, err := db.DeliveryCounts(ctx, c.now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	say(w, "ID\tNAME\tSTATE\tPARTY\tAUTHENTICATION\tRENEWAL WINDOW\tLOGOUTS\tEVENTS\tSCOPE\n")
	for _, cl := range clients {
		state, party := "enabled", "third"
		if !cl.DisabledAt.IsZero() {
			state = "disabled " + instant(cl.DisabledAt.Time)
		}
		if cl.Metadata.FirstParty {
			party = "first"
		}
		window := "-"
		if seconds := cl.Metadata.RenewalWindow; seconds > 0 {
			window = days(time.Duration(seconds) * time.Second)
		}
		say(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cl.ID, cl.Metadata.ClientName, state, party, cl.Metadata.TokenEndpointAuthMethod, window,
			toldOf(cl, true, cl.Metadata.BackchannelLogoutURI, counts), toldOf(cl, false, cl.Metadata.EventsURI, counts), cl.Metadata.Scope)
	}
	return w.Flush()
}

func (c *commands) clientDisable(ctx context.Context, id, reason string) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error { return provider.DisableClient(ctx, tx, id, reason, c.now()) })
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no application %q; clave client list shows them", id)
	}
	if err == nil {
		c.println("disabled", id)
	}
	return err
}

const clientApplyHelp = `Registers, or changes, the applications of FILE: a JSON array of client metadata
(RFC 7591); all of them or none. What a file leaves out gets its default.

  client_id                     required
  client_secret                 32 to 512 characters (openssl rand -hex 32); left out: the one on file stays
  client_name                   required: people read it
  client_uri, logo_uri, policy_uri, tos_uri, initiate_login_uri, contacts
  application_type              web (default) | native
  redirect_uris                 at least one, compared to the letter
  post_logout_redirect_uris
  backchannel_logout_uri        where it is told that a session has ended (OpenID Connect Back-Channel Logout 1.0)
  backchannel_logout_session_required
  iess_events                   the security events that are pushed to it, any of (OpenID CAEP 1.0 and RISC 1.0)
                                https://schemas.openid.net/secevent/caep/event-type/session-revoked
                                https://schemas.openid.net/secevent/caep/event-type/credential-change
                                https://schemas.openid.net/secevent/risc/event-type/account-disabled
                                https://schemas.openid.net/secevent/risc/event-type/account-enabled
  iess_events_uri               where they are pushed to (RFC 8935)
  token_endpoint_auth_method    client_secret_basic (default; form-encode id and secret, RFC 6749 2.3.1)
                                | client_secret_post | private_key_jwt | tls_client_auth | self_signed_tls_client_auth | none
  jwks or jwks_uri              its public keys; jwks_uri is read again when it signs with an unknown one
  token_endpoint_auth_signing_alg
                                of private_key_jwt: ES256 | PS256 | EdDSA | RS256; left out: any of them
  tls_client_auth_subject_dn, tls_client_auth_san_dns, _san_uri, _san_ip, _san_email
                                of tls_client_auth: the one thing its certificate names
  grant_types                   ["authorization_code"] (default), "refresh_token" with scope offline_access,
                                "client_credentials"; [] for a resource server
  response_types                ["code"]; [] without authorization_code
  scope                         openid (default) and any of profile email phone offline_access cedula afiliacion;
                                with client_credentials also those of resource servers, such as historia:leer;
                                without openid: OAuth alone (iess_profile fapi2)
  subject_type                  pairwise (default) | public; sector_identifier_uri
  id_token_signed_response_alg  ES256 (default) | RS256 | PS256 | EdDSA
  default_max_age, default_acr_values, require_auth_time
  iess_first_party              true: people see a notice; false (default): they are asked
  iess_pkce                     required (default) | optional
  iess_access_token_format      opaque (default) | jwt (RFC 9068)
  iess_resource_server          URI of an API: this client may introspect the tokens that are for it
  iess_resources                the URIs of APIs that it may name in resource (RFC 8707); left out: any that is
                                registered with iess_first_party, else none. The issuer it may always name
  userinfo_signed_response_alg, introspection_signed_response_alg
                                ES256 | RS256 | PS256 | EdDSA; left out: JSON
  require_pushed_authorization_requests, require_signed_request_object
                                true: nobody can ask in its name otherwise (RFC 9126, RFC 9101)
  request_object_signing_alg    ES256 | PS256 | EdDSA; left out: any of them
  authorization_signed_response_alg
                                of response_mode jwt; left out: that of its ID tokens
  dpop_bound_access_tokens, tls_client_certificate_bound_access_tokens
                                true: each of its tokens serves only who holds its key (RFC 9449, RFC 8705)
  iess_profile                  fapi2: the FAPI 2.0 Security Profile
  iess_renewal_window           0 (default) to 86400 seconds`
