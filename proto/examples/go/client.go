package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "dmgr.example/operate/gen/dmgr/v1"
)

const (
	// How long a call may take, and how long a dmgrd that went away is waited for.
	deadline = time.Minute
	patience = 2 * time.Minute
)

// Failure is what a call ended with.
type Failure struct {
	Code    codes.Code
	Message string
	// Its name, also when this code does not know it; then Reason is 0.
	Name   string
	Reason pb.ErrorReason
	// What it is about, such as "operation_id".
	Values      map[string]string
	Fields      []*errdetails.BadRequest_FieldViolation
	NextActions []*pb.NextAction
}

func (f *Failure) Error() string { return fmt.Sprintf("%s (%s)", f.Message, f.Name) }

// FailureOf reads the details of a status.
func FailureOf(s *status.Status) *Failure {
	f := &Failure{Code: s.Code(), Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			f.Name, f.Values = d.Reason, d.Metadata
			f.Reason = pb.ErrorReason(pb.ErrorReason_value["ERROR_REASON_"+d.Reason])
		case *errdetails.BadRequest:
			f.Fields = d.FieldViolations
		case *pb.NextActions:
			f.NextActions = d.Actions
		}
	}
	return f
}

// Client of one dmgrd.
type Client struct {
	conn  *grpc.ClientConn
	token string
}

// Connect speaks TLS with the CAs of a PEM; without one plain text, on loopback only.
func Connect(address string, ca []byte) (*Client, error) {
	creds := insecure.NewCredentials()
	if ca != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("no CA in the file")
		}
		creds = credentials.NewTLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13})
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn}, nil
}

func (c *Client) authorized(ctx context.Context) context.Context {
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
}

// LogIn opens a session.
func (c *Client) LogIn(ctx context.Context, user, password string) error {
	answer, err := Call(ctx, c, pb.NewAuthServiceClient(c.conn).Login,
		&pb.LoginRequest{UserName: user, Password: password})
	if err == nil {
		c.token = answer.Session.Token
	}
	return err
}

// NewRequestID is a random UUID.
func NewRequestID() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// again says whether a call that ended like this is worth another try.
func again(ctx context.Context, err error, until time.Time) bool {
	if status.Code(err) != codes.Unavailable || time.Now().After(until) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Second):
		return true
	}
}

// Call makes a call, again while dmgrd is away: with the same request_id it counts once. Its error is
// a *Failure.
func Call[Request, Response any](ctx context.Context, c *Client,
	method func(context.Context, *Request, ...grpc.CallOption) (*Response, error),
	request *Request) (*Response, error) {
	until := time.Now().Add(patience)
	for {
		limited, cancel := context.WithTimeout(c.authorized(ctx), deadline)
		answer, err := method(limited, request)
		cancel()
		if err == nil {
			return answer, nil
		}
		if !again(ctx, err, until) {
			return nil, FailureOf(status.Convert(err))
		}
	}
}

// Watch hands over the events of an operation to its end, each once: a stream that breaks is taken up
// again after the last one seen.
func (c *Client) Watch(ctx context.Context, operationID string, show func(*pb.OperationEvent)) error {
	operations := pb.NewOperationServiceClient(c.conn)
	request := &pb.WatchOperationRequest{OperationId: operationID}
	until := time.Now().Add(patience)
	for {
		stream, err := operations.WatchOperation(c.authorized(ctx), request)
		for err == nil {
			var answer *pb.WatchOperationResponse
			if answer, err = stream.Recv(); err == nil && answer.Event != nil {
				request.AfterSequence, until = answer.Event.Sequence, time.Now().Add(patience)
				show(answer.Event)
			}
		}
		if err == io.EOF {
			return nil
		}
		if !again(ctx, err, until) {
			return FailureOf(status.Convert(err))
		}
	}
}

// Wait returns an operation when it has ended.
func (c *Client) Wait(ctx context.Context, operationID string) (*pb.Operation, error) {
	operations := pb.NewOperationServiceClient(c.conn)
	request := &pb.WaitOperationRequest{OperationId: operationID,
		Timeout: durationpb.New(30 * time.Second)}
	for {
		answer, err := Call(ctx, c, operations.WaitOperation, request)
		if err != nil || answer.Done {
			return answer.GetOperation(), err
		}
	}
}
