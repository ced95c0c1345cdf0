"""mprpc's RPCPoolClient in a Pool of gsocketpool, as in mprpc's README. There are as many greenlets as connections,
because an acquire beyond the limit fails after some tries instead of waiting for its turn."""
import bench
import gsocketpool.pool
import mprpc


def connect(host, port, n):
    pool = gsocketpool.pool.Pool(mprpc.RPCPoolClient, dict(host=host, port=port), max_connections=n)

    def call(method, *args):
        with pool.connection() as client:
            return client.call(method, *args)
    return [call]


def drive(job):
    job['workload']['callers'] = min(job['workload']['callers'], job['workload']['conns'])
    bench.drive(job, connect)
