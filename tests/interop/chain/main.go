// A chain of the Cosmos SDK's own modules under Gonka's prefix and denomination, with the SDK's server and its commands.
// What Gonka adds to the SDK is not in it: answers of the inference module are for the chain stand-in.
package main

import (
	"fmt"
	"io"
	"os"

	appv1alpha1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	authmodulev1 "cosmossdk.io/api/cosmos/auth/module/v1"
	"cosmossdk.io/core/appconfig"
	"cosmossdk.io/depinject"
	"cosmossdk.io/log"
	cmtcfg "github.com/cometbft/cometbft/config"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	clientconfig "github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/client/tx"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	"github.com/cosmos/cosmos-sdk/testutil/configurator"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	_ "github.com/cosmos/cosmos-sdk/x/auth"
	authcmd "github.com/cosmos/cosmos-sdk/x/auth/client/cli"
	_ "github.com/cosmos/cosmos-sdk/x/auth/tx/config"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	_ "github.com/cosmos/cosmos-sdk/x/bank"
	_ "github.com/cosmos/cosmos-sdk/x/consensus"
	_ "github.com/cosmos/cosmos-sdk/x/distribution"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	_ "github.com/cosmos/cosmos-sdk/x/gov"
	govcli "github.com/cosmos/cosmos-sdk/x/gov/client/cli"
	_ "github.com/cosmos/cosmos-sdk/x/mint"
	_ "github.com/cosmos/cosmos-sdk/x/slashing"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	_ "github.com/cosmos/cosmos-sdk/x/staking"
)

const prefix = "gonka"

// The account module with Gonka's prefix, and with transactions out of order as Gonka's commands ask for.
func accounts(config *configurator.Config) {
	permissions := []*authmodulev1.ModuleAccountPermission{
		{Account: "fee_collector"},
		{Account: "distribution"},
		{Account: "mint", Permissions: []string{"minter"}},
		{Account: "bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
		{Account: "not_bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
		{Account: "gov", Permissions: []string{"burner"}},
	}
	config.ModuleConfigs["auth"] = &appv1alpha1.ModuleConfig{Name: "auth", Config: appconfig.WrapAny(&authmodulev1.Module{
		Bech32Prefix: prefix, ModuleAccountPermissions: permissions, EnableUnorderedTransactions: true,
	})}
}

func modules() depinject.Config {
	return configurator.NewAppConfig(accounts, configurator.WithCustomPreBlockersOrder("auth"), configurator.TxModule(),
		configurator.BankModule(), configurator.StakingModule(), configurator.DistributionModule(), configurator.SlashingModule(),
		configurator.MintModule(), configurator.GovModule(), configurator.ConsensusModule(), configurator.GenutilModule())
}

func newApp(logger log.Logger, db dbm.DB, trace io.Writer, options servertypes.AppOptions) servertypes.Application {
	var builder *runtime.AppBuilder
	if err := depinject.Inject(depinject.Configs(modules(), depinject.Supply(logger, options)), &builder); err != nil {
		panic(err)
	}
	app := builder.Build(db, trace, server.DefaultBaseappOptions(options)...)
	if err := app.Load(true); err != nil {
		panic(err)
	}
	return app
}

func noExport(log.Logger, dbm.DB, io.Writer, int64, bool, []string, servertypes.AppOptions, []string) (servertypes.ExportedApp, error) {
	return servertypes.ExportedApp{}, fmt.Errorf("this chain is for tests: it exports nothing")
}

// What the SDK makes of a message's description elsewhere, since it has no hand-written command for this one.
func unjail() *cobra.Command {
	command := &cobra.Command{Use: "unjail", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		context, err := client.GetClientTxContext(cmd)
		if err != nil {
			return err
		}
		message := slashingtypes.NewMsgUnjail(sdk.ValAddress(context.GetFromAddress()).String())
		return tx.GenerateOrBroadcastTxCLI(context, cmd.Flags(), message)
	}}
	flags.AddTxFlagsToCmd(command)
	return command
}

func transactions() *cobra.Command {
	slashing := &cobra.Command{Use: "slashing", RunE: client.ValidateCmd}
	slashing.AddCommand(unjail())
	all := &cobra.Command{Use: "tx", RunE: client.ValidateCmd}
	all.AddCommand(slashing, govcli.NewTxCmd(nil), authcmd.GetSignCommand(), authcmd.GetBroadcastCommand(), flags.LineBreak)
	return all
}

func root(home string) (*cobra.Command, error) {
	var (
		amino    *codec.LegacyAmino
		coder    codec.Codec
		registry types.InterfaceRegistry
		txConfig client.TxConfig
		basics   module.BasicManager
	)
	supplied := depinject.Supply(log.NewNopLogger(), servertypes.AppOptions(noOptions{}))
	if err := depinject.Inject(depinject.Configs(modules(), supplied), &amino, &coder, &registry, &txConfig,
		&basics); err != nil {
		return nil, err
	}
	first := client.Context{}.WithCodec(coder).WithInterfaceRegistry(registry).WithTxConfig(txConfig).WithLegacyAmino(amino).
		WithInput(os.Stdin).WithAccountRetriever(authtypes.AccountRetriever{}).WithHomeDir(home).WithViper("")
	command := &cobra.Command{Use: "inferenced", SilenceErrors: true, PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
		context, err := client.ReadPersistentCommandFlags(first.WithCmdContext(cmd.Context()), cmd.Flags())
		if err != nil {
			return err
		}
		if context, err = clientconfig.ReadFromClientConfig(context); err != nil {
			return err
		}
		if err = client.SetCmdClientContextHandler(context, cmd); err != nil {
			return err
		}
		return server.InterceptConfigsPreRunHandler(cmd, serverconfig.DefaultConfigTemplate, serverconfig.DefaultConfig(),
			cmtcfg.DefaultConfig())
	}}
	basics[genutiltypes.ModuleName] = genutil.NewAppModuleBasic(genutiltypes.DefaultMessageValidator)
	genesis := genutilcli.Commands(txConfig, basics, home)
	command.AddCommand(genutilcli.InitCmd(basics, home), genesis, keys.Commands(), transactions())
	server.AddCommands(command, home, newApp, noExport, func(*cobra.Command) {})
	return command, nil
}

type noOptions struct{}

func (noOptions) Get(string) any { return nil }

func main() {
	config := sdk.GetConfig()
	config.SetBech32PrefixForAccount(prefix, prefix+"pub")
	config.SetBech32PrefixForValidator(prefix+"valoper", prefix+"valoperpub")
	config.SetBech32PrefixForConsensusNode(prefix+"valcons", prefix+"valconspub")
	sdk.DefaultBondDenom = "ngonka"
	home, err := os.UserHomeDir()
	if err != nil {
		panic(err)
	}
	command, err := root(home + "/.inference")
	if err == nil {
		err = svrcmd.Execute(command, "", home+"/.inference")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
