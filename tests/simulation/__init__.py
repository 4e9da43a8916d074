"""The whole of the client in virtual time: replicas, faults, kills and clock jumps, all drawn from one seed."""
