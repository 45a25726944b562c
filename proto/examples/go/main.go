// Operate starts an operation on a cluster, shows how it goes, and waits for its end:
//
//	operate ADDRESS USER CLUSTER start|stop|restart|destroy [CA_FILE] < PASSWORD
//
// The exit status is 0 when it succeeded, 1 when it failed, 3 when it was refused.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc/status"

	pb "dmgr.example/operate/gen/dmgr/v1"
)

func ask(ctx context.Context, c *Client, cluster, action string) (*pb.Operation, error) {
	clusters := pb.NewClusterServiceClient(c.conn)
	id := NewRequestID()
	switch action {
	case "start":
		answer, err := Call(ctx, c, clusters.StartCluster,
			&pb.StartClusterRequest{ClusterName: cluster, RequestId: id})
		return answer.GetOperation(), err
	case "stop":
		answer, err := Call(ctx, c, clusters.StopCluster,
			&pb.StopClusterRequest{ClusterName: cluster, RequestId: id})
		return answer.GetOperation(), err
	case "restart":
		answer, err := Call(ctx, c, clusters.RestartCluster,
			&pb.RestartClusterRequest{ClusterName: cluster, RequestId: id})
		return answer.GetOperation(), err
	case "destroy":
		answer, err := Call(ctx, c, clusters.DestroyCluster,
			&pb.DestroyClusterRequest{ClusterName: cluster, RequestId: id})
		return answer.GetOperation(), err
	}
	return nil, fmt.Errorf("%s is none of start, stop, restart, destroy", action)
}

func mayWait(f *Failure) bool {
	for _, next := range f.NextActions {
		if next.Action == pb.Action_ACTION_WATCH_OPERATION {
			return f.Reason == pb.ErrorReason_ERROR_REASON_CLUSTER_BUSY
		}
	}
	return false
}

// begin waits for an operation that is in the way; one that has failed needs a person.
func begin(ctx context.Context, c *Client, cluster, action string) (*pb.Operation, error) {
	for {
		operation, err := ask(ctx, c, cluster, action)
		var failure *Failure
		if !errors.As(err, &failure) || !mayWait(failure) {
			return operation, err
		}
		fmt.Println("waiting for operation", failure.Values["operation_id"])
		if _, err := c.Wait(ctx, failure.Values["operation_id"]); err != nil {
			return nil, err
		}
	}
}

func word(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

func show(event *pb.OperationEvent, titles map[string]string) {
	switch e := event.Event.(type) {
	case *pb.OperationEvent_OperationState:
		fmt.Printf("%3.0f %%  %s\n", event.ProgressPercent,
			word(e.OperationState.State.String(), "OPERATION_STATE_"))
	case *pb.OperationEvent_StepState:
		fmt.Printf("%3.0f %%  %s: %s\n", event.ProgressPercent, titles[e.StepState.StepId],
			word(e.StepState.State.String(), "STEP_STATE_"))
	case *pb.OperationEvent_Log:
		fmt.Println("      ", e.Log.Text)
	}
}

func tell(err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	var failure *Failure
	if !errors.As(err, &failure) {
		return
	}
	for _, field := range failure.Fields {
		fmt.Fprintf(os.Stderr, "  %s %s\n", field.Field, field.Description)
	}
	for _, next := range failure.NextActions {
		fmt.Fprintln(os.Stderr, "next:", next.Action, next.Arguments)
	}
}

func operate(ctx context.Context, args []string) (*pb.Operation, error) {
	var ca []byte
	if len(args) > 4 {
		var err error
		if ca, err = os.ReadFile(args[4]); err != nil {
			return nil, err
		}
	}
	c, err := Connect(args[0], ca)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	password, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	if err := c.LogIn(ctx, args[1], strings.TrimSuffix(password, "\n")); err != nil {
		return nil, err
	}
	operation, err := begin(ctx, c, args[2], args[3])
	if err != nil {
		return nil, err
	}
	fmt.Println("operation", operation.OperationId)
	titles := map[string]string{}
	for _, step := range operation.Steps {
		titles[step.StepId] = step.Title
	}
	err = c.Watch(ctx, operation.OperationId, func(e *pb.OperationEvent) { show(e, titles) })
	if err != nil {
		return nil, err
	}
	return c.Wait(ctx, operation.OperationId)
}

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: operate ADDRESS USER CLUSTER start|stop|restart|destroy [CA_FILE]")
		os.Exit(2)
	}
	ended, err := operate(context.Background(), os.Args[1:])
	if err != nil {
		tell(err)
		os.Exit(3)
	}
	fmt.Println(word(ended.State.String(), "OPERATION_STATE_"))
	if ended.State != pb.OperationState_OPERATION_STATE_SUCCEEDED {
		tell(FailureOf(status.FromProto(ended.Error)))
		os.Exit(1)
	}
}
