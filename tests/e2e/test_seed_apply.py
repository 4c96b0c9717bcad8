"""seed-manager apply: bad seeds are replaced in real files, byte for byte, watched, and put back when it gets worse."""
import json
import os
import time

import pytest
from chain_client import ChainStandin
from seed_deploy import ENV, NANO, OLD_SEED, SICK, Deploy, manifest, p2p_of, plant, seed_of, stored, survey


@pytest.fixture(scope="module")
def running():
    with ChainStandin(nodes=4) as chain:
        chain.do("run", blocks_per_second=2, real_time=True)
        yield chain


@pytest.fixture
def chain(running):
    for number in range(4):
        running.do("node", i=number, manner="good", peers=1000, connected_ns=3600 * NANO)
    return running


@pytest.fixture
def host(world, chain, tmp_path):
    """host(...) makes a deploy folder, a manifest, and a survey: nodes 1 to 3 healthy, the configured seed sick."""

    def make(options=None, found=None, **how):
        deploy = Deploy(tmp_path, **how)
        manifest(world, chain, deploy, **options or {})
        survey(world, found if found is not None else [*(seed_of(node) for node in chain.nodes[1:]), SICK])
        return deploy

    return make


def apply(world, *words):
    return world.json("run", "seed-manager", "apply", *words)


def changed_toml(deploy, chain):
    """The file as it is to be: only the one value differs."""
    wanted = ",".join(p2p_of(node) for node in chain.nodes[1:])
    return deploy.toml_text.replace(f'seeds =   "{OLD_SEED}"', f'seeds =   "{wanted}"')


def changed_env(deploy, node):
    text = deploy.env_text.replace("=http://seed.example.com:8000", "=" + node["proxy"])
    text = text.replace('"http://seed.example.com:26657"', '"' + node["proxy"] + '/chain-rpc"')
    return text.replace("tcp://seed.example.com:5000", node["p2p"])


# the change


def test_bad_seeds_are_replaced_and_every_other_byte_stays(world, chain, host):
    deploy = host()
    end = apply(world)
    assert end["outcome"] == "changed", json.dumps(end)
    assert deploy.toml == changed_toml(deploy, chain)
    assert deploy.env == changed_env(deploy, chain.nodes[1])
    assert deploy.copy_of("config.env") == deploy.env_text
    assert deploy.copy_of("config.toml") == deploy.toml_text
    assert len(deploy.beside()) == 2, "nothing but the copies is left"


def test_owner_and_mode_stay_also_of_the_copies(world, host):
    deploy = host()
    os.chown(deploy.env_path, 1234, 2345)
    assert apply(world)["outcome"] == "changed"
    for name in ["config.env", *deploy.beside()]:
        if not name.startswith("config.env"):
            continue
        status = os.stat(os.path.join(deploy.folder, name))
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 2345, 0o640), name


def test_plan_shows_the_diff_and_changes_nothing(world, chain, host):
    deploy = host()
    end = world.json("plan", "seed-manager", "apply")
    text = json.dumps(end)
    assert f'-seeds =   \\\\\\"{OLD_SEED}' in text or OLD_SEED in text
    assert p2p_of(chain.nodes[1]) in text
    assert deploy.untouched()
    assert stored(world, "apply") is None


def test_no_secret_is_in_the_result_the_text_or_the_journal(world, host):
    host()
    done = world.cli("run", "seed-manager", "apply")
    assert "SEED_API_URL" in done.stdout, done
    assert "s3cret" not in done.stdout + done.stderr + json.dumps(world.records())


def test_a_secret_last_line_that_gets_its_line_end_is_not_shown(world, host):
    """The variables are added behind it, so a diff shows it as changed."""
    host(env="export API_PORT=8000\nexport KEYRING_PASSWORD=s3cret")
    done = world.cli("run", "seed-manager", "apply")
    assert "SEED_API_URL" in done.stdout and "(a line that is not shown)" in done.stdout, done
    assert "s3cret" not in done.stdout + done.stderr + json.dumps(world.records())


def test_a_password_in_an_url_is_not_shown(world, host):
    host(env=ENV.replace("http://seed.example.com:8000", "http://me:s3cret2@seed.example.com:8000"))
    done = world.cli("run", "seed-manager", "apply")
    assert "SEED_NODE_RPC_URL" in done.stdout, done
    assert "s3cret" not in done.stdout + done.stderr + json.dumps(world.records())


def test_after_the_first_start_the_summary_says_how_to_restart(world, host):
    deploy = host()
    end = apply(world)
    assert end["result"]["restart_needed"] == f"cd {deploy.folder} && docker compose restart node"
    assert end["result"]["initialized"] is True


def test_before_the_first_start_config_env_counts_and_the_node_need_not_answer(world, chain, host):
    deploy = host(initialized=False)
    os.unlink(deploy.toml_path)
    chain.do("node", i=0, manner="dead")
    end = apply(world)
    assert end["outcome"] == "changed", json.dumps(end)
    assert deploy.env == changed_env(deploy, chain.nodes[1])
    assert ". ./config.env && docker compose up -d" in end["result"]["restart_needed"]


def test_healthy_seeds_are_left_alone(world, chain, host):
    deploy = host(seeds=p2p_of(chain.nodes[2]))
    end = apply(world)
    assert end["outcome"] == "ok", json.dumps(end)
    assert deploy.untouched()


def test_a_seed_that_the_node_is_connected_to_is_healthy_without_a_survey_of_it(world, chain, host):
    deploy = host(seeds=p2p_of(chain.nodes[3]), found=[seed_of(node) for node in chain.nodes[1:3]])
    assert apply(world)["outcome"] == "ok"
    assert deploy.untouched()


def test_few_peers_are_a_reason_too(world, chain, host):
    deploy = host(seeds=p2p_of(chain.nodes[3]))
    chain.do("node", i=0, peers=1)
    end = apply(world)
    assert end["outcome"] == "changed", json.dumps(end)
    assert f'"{p2p_of(chain.nodes[3])},' in deploy.toml, "a healthy one stays, in front"


def test_persistent_peers_of_the_operator_stay_when_they_are_filled_up(world, chain, host):
    mine = "cd" * 20 + "@10.0.0.7:26656"
    deploy = host(options={"write_peers": 2}, peers=mine)
    assert apply(world)["outcome"] == "changed"
    assert f'persistent_peers = "{mine},{p2p_of(chain.nodes[1])}"' in deploy.toml


def test_the_own_node_is_never_a_seed(world, chain, host):
    deploy = host(found=[*(seed_of(node) for node in chain.nodes), SICK])
    assert apply(world)["outcome"] == "changed"
    assert chain.nodes[0]["node_id"] not in deploy.toml


# guards: each is alone in the way of a change


@pytest.mark.parametrize("spoil, outcome, words", [
    (lambda world, chain: survey(world, [seed_of(n) for n in chain.nodes[1:]] + [SICK], age_s=4 * 3600), "unknown",
     "survey_max_age"),
    (lambda world, chain: survey(world, [seed_of(n) for n in chain.nodes[1:]] + [SICK], age_s=-3600), "unknown",
     "clock"),
    (lambda world, chain: survey(world, [seed_of(n) for n in chain.nodes[1:]] + [SICK], known=False), "unknown",
     "without a quorum"),
    (lambda world, chain: survey(world, [seed_of(chain.nodes[1]), SICK]), "refused", "min_replacements"),
    (lambda world, chain: survey(world, [seed_of(chain.nodes[1]), seed_of(chain.nodes[1]), SICK]), "refused",
     "min_replacements"),
    (lambda world, chain: survey(world, [seed_of(n) for n in chain.nodes[1:]]), "unknown", "were not surveyed"),
    (lambda world, chain: plant(world, "survey", [1]), "unknown", "run `survey` again"),
    (lambda world, chain: chain.do("node", i=0, manner="dead"), "unknown", "could not be judged afterwards"),
    (lambda world, chain: plant(world, "apply", {"version": 99}), "unknown", "state document"),
])
def test_what_is_not_known_changes_nothing(world, chain, host, spoil, outcome, words):
    deploy = host()
    spoil(world, chain)
    end = apply(world)
    assert (end["outcome"], words in end["summary"]) == (outcome, True), json.dumps(end)
    assert deploy.untouched() and not end["acts"]


def test_without_a_survey_nothing_is_known(world, chain, tmp_path):
    deploy = Deploy(tmp_path)
    manifest(world, chain, deploy)
    assert apply(world)["outcome"] == "unknown"
    assert deploy.untouched()


def test_seeds_must_be_bad_in_several_surveys_in_a_row(world, chain, host):
    deploy = host(options={"bad_surveys": 3})
    seeds = [*(seed_of(node) for node in chain.nodes[1:]), SICK]
    assert [apply(world)["outcome"] for _ in range(3)] == ["ok"] * 3, "the same survey counts once"
    survey(world, seeds)
    assert apply(world)["result"]["bad_surveys"] == 2
    survey(world, [*seeds[:3], {**SICK, "healthy": True}])
    assert apply(world)["result"]["bad_surveys"] == 0, "a good one in between: counted anew"
    for expected in ("ok", "ok"):
        survey(world, seeds)
        assert apply(world)["outcome"] == expected
    assert deploy.untouched()
    survey(world, seeds)
    assert apply(world)["outcome"] == "changed"


@pytest.mark.parametrize("which", ["env_path", "toml_path"])
def test_a_symlink_is_not_replaced(world, host, which):
    deploy = host()
    path = getattr(deploy, which)
    os.rename(path, path + ".real")
    os.symlink(path + ".real", path)
    end = apply(world)
    assert (end["outcome"], "symlink" in end["summary"]) == ("refused", True), json.dumps(end)
    assert os.path.islink(path) and deploy.untouched()


def test_a_folder_that_is_a_symlink_is_not_followed(world, host):
    deploy = host()
    os.rename(deploy.config, deploy.config + ".real")
    os.symlink("config.real", deploy.config)
    end = apply(world)
    assert (end["outcome"], "links are not followed" in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.untouched()


def test_what_is_no_regular_file_is_not_read(world, host):
    deploy = host()
    os.unlink(deploy.toml_path)
    os.mkfifo(deploy.toml_path)
    end = apply(world)
    assert (end["outcome"], "no regular file" in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.env == deploy.env_text


def test_hard_links_are_not_parted(world, host):
    deploy = host()
    os.link(deploy.env_path, deploy.env_path + ".other")
    end = apply(world)
    assert (end["outcome"], "hard links" in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.untouched()


def test_a_file_that_the_editor_does_not_understand_stays(world, host):
    deploy = host(env=ENV + "\nexport SEED_API_URL=http://second.example.com\n")
    end = apply(world)
    assert (end["outcome"], "SEED_API_URL" in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.untouched()


def test_without_deploy_dir_the_next_step_is_told(world, chain, tmp_path):
    deploy = Deploy(tmp_path)
    manifest(world, chain, deploy, deploy_dir=None)
    end = apply(world)
    assert (end["outcome"], "deploy_dir" in end["summary"]) == ("refused", True), json.dumps(end)


def test_best_seeds_that_are_configured_already_are_no_change(world, chain, host):
    wanted = ",".join(p2p_of(node) for node in chain.nodes[1:])
    deploy = host(seeds=wanted, env=f"export SEED_API_URL={chain.nodes[1]['proxy']}\n"
                                    f"export SEED_NODE_RPC_URL={chain.nodes[1]['proxy']}/chain-rpc\n"
                                    f"export SEED_NODE_P2P_URL={chain.nodes[1]['p2p']}\n")
    chain.do("node", i=0, peers=0)
    end = apply(world)
    assert (end["outcome"], "cause elsewhere" in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.untouched()
