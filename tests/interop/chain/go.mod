module gonka-agent/interop/chain

go 1.23.2

require (
	github.com/bytedance/sonic v1.15.5
	github.com/cosmos/cosmos-sdk v0.53.8
)
