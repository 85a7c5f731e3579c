"""Forbidden phrases in Chinese, in simplified characters, for squeezed text (see phrases.py)."""

from __future__ import annotations

from duecare.domain.phrases import FORBIDDEN, Phrase, phrase

# Just before a phrase: it is denied or warned of, not said. Kept narrow, so that 不还款将… is no denial.
_NOT = r"""(?:不会|绝不|不得|从不|严禁|禁止|请勿|切勿|不要|不可|无权)
    (?:以任何方式|主动|擅自|随意|向|对|采取|通过|任何|您的?|你的?|第三方|泄露|联系|或者?|和|及){0,4}"""
_POSED = r"(?:冒充|假冒|自称|谎称|假扮|伪装成?|伪造|虚假|不是|并非|不属于).{0,5}"
_ASKED = r"(?:请|可以?|应|建议|欢迎)(?:您|你|及时|立即|尽快|先){0,2}"

_POLICE_WORDS = "公安 警方 派出所 民警 刑警 经侦 刑侦 网警 警察 检察"
_POLICE = "公安|警方|派出所|民警|刑警|经侦|刑侦|网警|警察|检察院|检察机关"
_COURT = "法院|法庭|执行局|法官|司法机关|司法部门"
_STATE = "政府|街道办|居委|村委|社区|司法局|司法所|纪委|税务|工商"
_KIN = """
    家人|家属|家里|亲属|亲友|亲戚|父母|爸妈|父亲|母亲|爸爸|妈妈|老婆|老公|妻子|丈夫|配偶|爱人|子女|孩子|儿子|女儿|岳父|岳母
    |单位|(?:你|您|贵|所在|任职|就职|工作)的?公司|公司领导|领导|老板|同事|hr|人事|上司|村委|村干部|村书记|村里|全村|居委|社区|街道
    |户籍地|户籍所在地|老家|邻居|联系人|通讯录|朋友|朋友圈|微信群|家族群|同学|学校|班主任
"""
_TELL = """
    联系|联络|通知|告知|告诉|致电|电联|打给|电话给|走访|拜访|发函|寄给|寄送|寄到|邮寄|公布|曝光|发给|发送|发到|群发|转告|转发|通报|知会
    |函告|骚扰|找到|惊动|牵连|连累|影响
"""
_OWN_SUIT = r"(?:我司|我行|我公司|本公司|本行|我方|债权人|原告|贷款人).{0,12}(?:起诉|诉讼|申请|诉至)"

POSING = (
    phrase(
        "posing_as_authority.claim.zh",
        FORBIDDEN,
        f"{_POLICE_WORDS} 法院 法庭 执行局 法官 司法 政府 街道 居委 村委 社区 纪委 税务 工商",
        rf"(?:我们?|这里|此处|本人|我方)(?:是|系|为|来自)[^不非]{{0,8}}(?:{_POLICE}|{_COURT}|{_STATE})",
        unless_before=_POSED,
    ),
    phrase(
        "posing_as_authority.we.zh",
        FORBIDDEN,
        "我院 本院 我庭 本庭 我局 本局 我署 我厅 大队 支队",
        r"""(?<!自)(?:我院|本院|我庭|本庭|我局|本局|我署|我厅)|(?:我|本|刑侦|经侦|公安|执法|巡警)(?:大队|支队)""",
        unless=r"医院|学院|校|幼儿|供电|供水|水务|自来水|燃气|邮政|热力|电信局|烟草|医保|养老",
    ),
    phrase(
        "posing_as_authority.with-court.zh",
        FORBIDDEN,
        "法院 法庭 法官 执行局 司法 政府 街道 居委 村委 社区 税务 工商 纪委",
        rf"(?:联合|会同|协同|协助|受(?!理|诉)|奉|代表|联手|配合).{{0,8}}(?:{_COURT}|{_STATE})",
        unless_before=f"{_ASKED}|{_POSED}|{_NOT}",
    ),
    phrase(
        # No honest collection text has a use for the police but to warn of fraud.
        "posing_as_authority.police.zh",
        FORBIDDEN,
        _POLICE_WORDS,
        rf"(?:{_POLICE})(?!.{{0,6}}(?:反诈|宣传|提醒您防))",
        unless_before=rf"""{_POSED}|{_NOT}|(?:不会|不得|从不)(?:以|使用|假借).{{0,6}}
        |(?:请|可|应)(?:您|及时|立即|尽快|先){{0,2}}(?:向|联系|拨打|咨询|报告?)(?:当地|属地|所在地)?""",
    ),
    phrase(
        "posing_as_authority.government.zh",
        FORBIDDEN,
        "政府 人民政",
        r"(?:市|县|区|省|镇|乡|人民)政府|政府(?:办|部门|金融|清欠|通知|专班|授权|委托|机关)",
        unless_before=f"{_POSED}|{_NOT}",
    ),
    phrase(
        "posing_as_authority.court-acts.zh",
        FORBIDDEN,
        "法院 法庭 执行局 法官 司法",
        rf"""(?:{_COURT})(?!诉讼|起诉|申请|提起|判决|裁定).{{0,8}}
        (?:下发|签发|下达|上门|查封|冻结|扣划|划扣|拍卖|抓|拘|通缉|批准|开庭|立案|强制执行)""",
        # 向法院申请查封: there the court is asked, it does not act.
        unless_before=rf"{_POSED}|(?:向|诉至|起诉至|请求|提请|提交|通过|经|由|可能被)[^我]{{0,10}}",
        unless=_OWN_SUIT,
    ),
    phrase(
        "posing_as_authority.document.zh",
        FORBIDDEN,
        "传票 传唤 拘传 拘票 立案 协查 出庭 执行令 查封令 冻结令 搜查",
        r"传票|传唤|拘传|拘票|立案(?:通知|告知)|协查(?:函|通知|通报)|出庭通知|执行令|查封令|冻结令|搜查(?:令|证)",
        unless_before=_POSED,
    ),
    phrase(
        "posing_as_authority.officer.zh",
        FORBIDDEN,
        "警官 办案 我是 主办 承办 执 主审 书记员 专案组 法警",
        r"""警官|(?:办案|我是|主办|承办|执行|主审)(?:民警|法官|检察官)|书记员|专案组|执法人员|法警
        |办案(?:人员|单位|中心|机关)""",
        unless_before=f"{_POSED}|{_NOT}",
    ),
)

THREATS = (
    phrase(
        "threat.arrest.zh",
        FORBIDDEN,
        "逮捕 抓捕 抓你 抓人 通缉 追逃 网逃 刑拘 刑事 坐牢 判刑 入狱 牢狱 监狱 蹲监 拘留 涉嫌",
        r"""逮捕|抓捕|抓你|抓人|通缉|追逃|网逃|刑拘|坐牢|判刑|入狱|牢狱|监狱|蹲监|拘留|涉嫌.{0,6}(?:诈骗|犯罪|刑事)
        |刑事(?:责任|拘留|立案|犯罪|案件|处罚|追究|诉讼|报案)""",
        unless_before=rf"{_POSED}|(?:如遇|若遇|遇到|凡是?|谨防|警惕).{{0,6}}",
    ),
    phrase(
        "threat.report.zh",
        FORBIDDEN,
        "报警 报案",
        r"(?:将|已|会|要|就|马上|立即|直接|只能|不得不|我司|我们).{0,6}(?:报警|报案)",
        unless_before=_ASKED,
    ),
    phrase(
        "exposure.tell.zh",
        FORBIDDEN,
        " ".join(_TELL.split("|")),
        # 客服, 热线 and 我司 between the two end the thought: 联系客服,家人可代还.
        rf"(?:{_TELL})[^我客本热]{{0,8}}(?:{_KIN})",
        unless_before=rf"{_NOT}|{_ASKED}|(?:避免|以免).{{0,2}}|不",
    ),
    phrase(
        "exposure.know.zh",
        FORBIDDEN,
        "知道 知晓 看看 收到 接到 丢脸 替你",
        rf"(?:{_KIN}|所有人|大家).{{0,6}}(?:会|将|都|也|全)?.{{0,2}}(?:知道|知晓|看看|收到|接到|丢脸|替你还)",
        unless_before=_NOT,
    ),
    phrase(
        "exposure.contacts.zh",
        FORBIDDEN,
        "爆 呼死 轰炸 通讯录 通话记 联系人",
        r"""爆.{0,3}通讯录?|呼死|轰炸|通讯录.{0,4}(?:好友|所有|全部|挨个|逐一|每个|里的|名单)
        |(?:导出|调取|获取|读取|掌握|拿到|调出).{0,8}(?:通讯录|通话记录|联系人)""",
        unless_before=_NOT,
    ),
    phrase(
        "exposure.visit.zh",
        FORBIDDEN,
        "上门 外访 下户 到你 到您 去你 去您 堵",
        r"""上门(?!服务|办理|安装|取|收件|维修|回收)|(?:安排|派|人员|进行|启动)外访|外访(?:人员|组|催收)|下户
        |[到去][你您]的?(?:家|单位|公司|住处|老家|村|学校)|堵.{0,4}门""",
        unless_before=rf"{_NOT}|{_ASKED}|预约",
    ),
    phrase(
        "exposure.publish.zh",
        FORBIDDEN,
        """张贴 大字报 曝光 公之于 拉横幅 喷字 喷漆 游街 挂网 挂到网 公示 裸照 p图 身败名 抬不起 没脸见 社死 名誉扫 公布
        公开 发布 散布""",
        r"""张贴|大字报|曝光|公之于众|拉横幅|喷字|喷漆|游街|挂网|挂到网|公示[你您]|裸照|p图|身败名裂|抬不起头|没脸见人|社死
        |名誉扫地|(?:公布|公开|发布|散布).{0,6}(?:照片|身份证|个人信息|隐私|住址|头像|欠款)""",
        unless_before=_NOT,
    ),
    phrase(
        "invented_blacklist.zh",
        FORBIDDEN,
        "黑名单 老赖 子女 孩子 下一代 后代 失信 限制 封杀 冻结 注销",
        r"""黑名单|老赖|(?:子女|孩子|下一代|后代).{0,8}(?:上学|入学|就读|参军|政审|前途|考公)
        |(?:已|将|会|直接|立即|马上).{0,6}(?:列入|纳入|列为|加入|拉入).{0,8}失信
        |限制(?:高消费|出行|出境|乘坐|高铁|坐飞机)|(?:全网|行业)封杀
        |冻结.{0,6}(?:微信|支付宝|名下|身份证|工资|所有|全部)|注销.{0,4}(?:身份证|户口|驾照)""",
        # A court may do some of this; that it may is an announcement, that it was done or will be is an invention.
        unless_before=rf"{_NOT}|(?:可能|法院|申请).{{0,12}}",
    ),
    phrase(
        "threat.violence.zh",
        FORBIDDEN,
        """打断 断手 断脚 断腿 砍死 砍你 砍手 砍断 弄死 杀了 杀你 杀您 杀全家 杀人 收拾你 收拾您 好看 颜色 命 不得好
        全家 卸 泼 小心 当心 注意 不客气 生不如 打死 揍你 揍您 陪葬 后悔 鸡犬不 不得安""",
        r"""打断.{0,3}[腿手脚]|断[手脚腿]|砍(?:死|你|手|断)|弄死|杀了?(?:你|您|全家|人)|收拾[你您]
        |[让给][你您]们?点?(?:好看|颜色)|要[你您]的?.{0,2}命|不得好死|全家(?:死|陪葬|都别|不得|遭殃)|卸.{0,4}(?:腿|胳膊|手)
        |泼(?:油漆|粪|红漆|硫酸)|(?:小心|当心|注意)[你您]?的?(?:家人|孩子|老婆|狗命|人身|全家|父母)
        |(?:对[你您]|别怪我们?).{0,2}不客气|生不如死|打死|揍[你您]|陪葬|让[你您].{0,4}后悔|鸡犬不宁|不得安宁""",
        unless_before=_NOT,
    ),
)

ABUSE = (
    phrase(
        "abuse.zh",
        FORBIDDEN,
        """不要脸 无耻 厚颜 骗子 人渣 垃圾 王八 混蛋 傻逼 傻比 傻b 傻叉 操你 妈的 他妈 你妈 滚 贱人 贱货 贱种 贱骨
        狗东西 狗杂种 狗日的 狗命 狗娘养 畜生 败类 去死 没脸没 穷鬼 废物 杂种 缺德 死皮赖 无赖 厚脸皮""",
        r"""不要脸|无耻|厚颜|[你是死大](?:个|就是)?骗子|人渣|[你是](?:这|就是|个|真是){0,2}.{0,2}垃圾|的垃圾(?!短信|信息|邮件|分类|费|清)|王八|混蛋
        |傻[逼比b叉]|操你|妈的|他妈|你妈(?!妈)|滚[蛋出]|[快给]我?滚(?!动)|贱[人货种骨]|狗(?:东西|杂种|日的|命|娘养)
        |畜生|败类|去死|没脸没皮|穷鬼|废物|杂种|缺德|死皮赖脸|无赖|厚脸皮""",
    ),
)

CHINESE: tuple[Phrase, ...] = POSING + THREATS + ABUSE
