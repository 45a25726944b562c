#!/usr/bin/env python3
"""Starts tasks on a DM cluster, over its gRPC.

  start_tasks.py ADDRESS COUNT   task-0, task-1, ... of the source s1; needs dm/master_pb2
"""
import concurrent.futures
import sys

import grpc

from dm import master_pb2

TASK = """name: task-{}
task-mode: incremental
target-database: {{host: 192.0.2.2, port: 4000, user: dm, password: p}}
mysql-instances:
  - source-id: s1
    meta: {{binlog-name: mysql-bin.000001, binlog-pos: 4}}
"""

# A start waits for its worker: side by side they need no longer.
AT_ONCE = 8


def main():
    address, count = sys.argv[1], int(sys.argv[2])
    with grpc.insecure_channel(address) as channel:
        start = channel.unary_unary("/pb.Master/StartTask",
                                    request_serializer=master_pb2.StartTaskRequest.SerializeToString,
                                    response_deserializer=master_pb2.StartTaskResponse.FromString)

        def start_one(i):
            answer = start(master_pb2.StartTaskRequest(task=TASK.format(i)), timeout=60)
            bad = [source.msg for source in answer.sources if not source.result]
            return None if answer.result and not bad else f"task-{i} was not started: {answer.msg or bad}"

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for problem in pool.map(start_one, range(count)):
                if problem:
                    sys.exit(problem)


if __name__ == "__main__":
    main()
